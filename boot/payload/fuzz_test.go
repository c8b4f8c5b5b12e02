package payload

import (
	"bytes"
	"io"
	"testing"
)

// FuzzPayload decompresses anything as anything: no panic, typed errors, and
// never more than the limit.
func FuzzPayload(f *testing.F) {
	for _, x := range fixtures {
		b := fixture(f, x.file)
		f.Add(uint8(x.format), b)
		f.Add(uint8(x.format), b[:len(b)/2])
	}
	f.Add(uint8(LZO), []byte("\x89LZO\x00\r\n\x1a\n"))
	f.Add(uint8(None), []byte("\x7fELF"))
	f.Fuzz(func(t *testing.T, format uint8, b []byte) {
		const limit = 64 << 10
		r, err := NewReader(Format(format), bytes.NewReader(b), limit)
		if err != nil {
			typed(t, err)
			return
		}
		n, err := io.Copy(io.Discard, r)
		if err != nil {
			typed(t, err)
		}
		if n > limit {
			t.Errorf("%d bytes came through a limit of %d", n, limit)
		}
		if err := r.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
}
