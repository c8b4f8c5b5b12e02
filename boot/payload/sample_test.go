package payload

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// sample is what every file in testdata decompresses to. It is dense with branch
// opcodes and with operands that the x86 filter converts, leaves alone or takes
// for parts of each other, so that the filter's corners are in it.
func sample() []byte {
	r := rand.New(rand.NewPCG(1, 2))
	alphabet := []byte{0xe8, 0xe9, 0xe8, 0x00, 0xff, 0x00, 0xff, 0x01, 0xfe, 0x90}
	line := []byte("what a kernel is made of; ")
	var b []byte
	for len(b) < 6<<10 {
		b = append(b, line...)
		for range 1 + r.IntN(12) {
			b = append(b, alphabet[r.IntN(len(alphabet))])
		}
	}
	return b
}

// fixtures are sample compressed with the tools a kernel's build uses:
//
//	gzip -n -9, bzip2 -9, lzma -9, lz4 -l -9, zstd --ultra -22 (from a pipe),
//	xz --check=crc32 --x86 --lzma2=dict=1MiB (x86.xz),
//	xz --check=crc64 --block-size=1000 (blocks.xz), xz --check=sha256 (sha.xz)
var fixtures = []struct {
	file   string
	format Format
}{
	{"sample.gz", Gzip}, {"sample.bz2", Bzip2}, {"sample.lzma", LZMA}, {"sample.lz4", LZ4}, {"sample.zst", Zstd},
	{"x86.xz", XZ}, {"blocks.xz", XZ}, {"sha.xz", XZ},
}

func fixture(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestSample writes the sample where LINUXKVM_WRITE_SAMPLE says, for whoever
// makes fixtures anew; otherwise it checks that the generator is stable.
func TestSample(t *testing.T) {
	if path := os.Getenv("LINUXKVM_WRITE_SAMPLE"); path != "" {
		if err := os.WriteFile(path, sample(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(sample(), sample()) {
		t.Fatal("the sample differs from call to call")
	}
}
