package boot

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// FuzzDetect: anything is recognised or refused with one of the sentinels, in
// one sentence with a remedy.
func FuzzDetect(f *testing.F) {
	for _, b := range [][]byte{
		bzHead(0x20f, 1), elfHead(2, 1, 62), elfHead(2, 2, 22), efiHead(0x8664), zbootHead(0xaa64, "gzip"),
		page(map[int]string{0: "MZ", 0x38: "ARM\x64"}), page(map[int]string{0x30: "RISCV\x00"}), page(map[int]string{257: "ustar"}),
		gzipped(f, elfHead(2, 1, 62)), gzipped(f, []byte("070701")), []byte("text"), nil,
		[]byte("\x28\xb5\x2f\xfd\x04\x88"), []byte("\xfd7zXZ\x00\x00\x01"), []byte("BZh9"), []byte("\x02\x21\x4c\x18\x01\x00\x00\x00"),
	} {
		f.Add(b)
	}
	kinds := []error{ErrNotKernel, ErrUnsupported, ErrTruncated, ErrCorrupt}
	f.Fuzz(func(t *testing.T, b []byte) {
		info, err := Detect(bytes.NewReader(b))
		if err == nil {
			if info.Format == UnknownFormat || info.String() == "" {
				t.Errorf("recognised as %v", info)
			}
			return
		}
		if strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), ";") {
			t.Errorf("not one sentence with a remedy: %q", err)
		}
		for _, k := range kinds {
			if errors.Is(err, k) {
				return
			}
		}
		t.Errorf("untyped error: %v", err)
	})
}
