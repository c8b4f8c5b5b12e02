package payload

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"testing"
	"testing/iotest"
)

// TestX86Filter gives the filter its input in pieces of all kinds: its state
// must not depend on where a piece ends.
func TestX86Filter(t *testing.T) {
	r, err := newXZ(bytes.NewReader(fixture(t, "x86.xz")), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	x := r.(*xzReader)
	if err := x.nextBlock(); err != nil {
		t.Fatal(err)
	}
	filtered, err := io.ReadAll(x.block.(*x86Filter).src)
	if err != nil {
		t.Fatal(err)
	}
	want := sample()
	if bytes.Equal(filtered, want) {
		t.Fatal("the fixture is not filtered: it proves nothing")
	}
	pieces := map[string]func(io.Reader) io.Reader{
		"whole": func(r io.Reader) io.Reader { return r }, "bytes": iotest.OneByteReader,
		"halves": iotest.HalfReader, "data with EOF": iotest.DataErrReader,
		"sevens": func(r io.Reader) io.Reader { return &piecewise{r, 7} },
	}
	for name, cut := range pieces {
		f := &x86Filter{src: cut(bytes.NewReader(filtered))}
		got, err := io.ReadAll(&piecewise{f, 3})
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, %v, or wrong ones", name, len(got), err)
		}
	}
}

// TestX86FilterError: what was read before an error is not given out half undone.
func TestX86FilterError(t *testing.T) {
	broken := errors.New("broken")
	f := &x86Filter{src: io.MultiReader(bytes.NewReader([]byte{0xe8, 1, 2}), iotest.ErrReader(broken))}
	if n, err := f.Read(make([]byte, 9)); n != 0 || !errors.Is(err, broken) {
		t.Errorf("%d bytes, %v", n, err)
	}
}

// piecewise reads at most n bytes at a time.
type piecewise struct {
	r io.Reader
	n int
}

func (p *piecewise) Read(b []byte) (int, error) { return p.r.Read(b[:min(len(b), p.n)]) }

// xzWith makes a stream of a header and a block header with the given contents.
func xzWith(check byte, block []byte) []byte {
	b := []byte{0xfd, '7', 'z', 'X', 'Z', 0, 0, check}
	b = binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(b[6:8]))
	size := 1 + len(block)
	size += -size & 3
	h := make([]byte, size)
	h[0] = byte(size / 4)
	copy(h[1:], block)
	return append(b, binary.LittleEndian.AppendUint32(h, crc32.ChecksumIEEE(h))...)
}

func TestXZHeaders(t *testing.T) {
	lzma2 := []byte{0x21, 1, 16}
	cases := []struct {
		name  string
		check byte
		block []byte
		want  error
	}{
		{"arm filter", 1, append([]byte{1, 0x07, 0}, lzma2...), ErrUnsupported},
		{"x86 last", 1, []byte{0, 0x04, 0}, ErrUnsupported},
		{"x86 twice", 1, append([]byte{2, 4, 0, 4, 0}, lzma2...), ErrUnsupported},
		{"lzma2 first", 1, append(append([]byte{1}, lzma2...), lzma2...), ErrUnsupported},
		{"dictionary above the highest", 1, []byte{0, 0x21, 1, 41}, ErrUnsupported},
		{"properties beyond the header", 1, []byte{0, 0x21, 0x7f}, ErrCorrupt},
		{"endless number", 1, append([]byte{0}, bytes.Repeat([]byte{0x80}, 15)...), ErrCorrupt},
		{"number cut off", 1, []byte{0, 0x80, 0x80}, ErrCorrupt},
		{"no data", 1, append([]byte{0}, lzma2...), io.ErrUnexpectedEOF},
		{"largest dictionary, no data", 4, []byte{0, 0x21, 1, 40}, io.ErrUnexpectedEOF},
		{"start position", 1, append([]byte{1, 4, 4, 1, 0, 0, 0}, lzma2...), io.ErrUnexpectedEOF},
		{"sizes given", 0, append([]byte{0xc0, 1, 1}, lzma2...), io.ErrUnexpectedEOF},
	}
	for _, c := range cases {
		_, err := expand(XZ, xzWith(c.check, c.block))
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
		typed(t, err)
	}
}

// TestXZChecks inverts the check behind a block of a stream of each kind.
func TestXZChecks(t *testing.T) {
	for _, name := range []string{"x86.xz", "blocks.xz"} {
		b := fixture(t, name)
		// Behind the last block come index and footer, whose size is stored.
		footer := b[len(b)-12:]
		index := (int(binary.LittleEndian.Uint32(footer[4:])) + 1) * 4
		b[len(b)-12-index-1] ^= 1
		if _, err := expand(XZ, b); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v, want ErrCorrupt", name, err)
		}
	}
}
