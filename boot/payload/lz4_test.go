package payload

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/pierrec/lz4/v4"
)

// lz4Frame compresses data the way "lz4 -l" does.
func lz4Frame(t testing.TB, data []byte) []byte {
	t.Helper()
	out := binary.LittleEndian.AppendUint32(nil, lz4Magic)
	for len(data) > 0 {
		part := data[:min(len(data), lz4Block)]
		data = data[len(part):]
		b := make([]byte, lz4Bound)
		n, err := lz4.CompressBlock(part, b, nil)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			t.Fatal("the block does not compress")
		}
		out = binary.LittleEndian.AppendUint32(out, uint32(n))
		out = append(out, b[:n]...)
	}
	return out
}

// TestLZ4Blocks has data of about one block and of two, each with and without
// the appended length, which can look like the size of another block.
func TestLZ4Blocks(t *testing.T) {
	for _, n := range []int{1000, lz4Block - 1, lz4Block, lz4Block + 1, 2 * lz4Block} {
		want := bytes.Repeat([]byte("kernel "), n/7+1)[:n]
		frame := lz4Frame(t, want)
		for name, b := range map[string][]byte{"bare": frame, "length": binary.LittleEndian.AppendUint32(bytes.Clone(frame), uint32(n))} {
			got, err := expandFrom(LZ4, bytes.NewReader(b), 32<<20)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d bytes, %s: %d bytes, %v", n, name, len(got), err)
			}
		}
	}
}

func TestLZ4Frames(t *testing.T) {
	one := lz4Frame(t, []byte("one one one one one one one one "))
	two := lz4Frame(t, []byte("two two two two two two two two "))
	got, err := expand(LZ4, append(bytes.Clone(one), two...))
	if err != nil || string(got) != "one one one one one one one one two two two two two two two two " {
		t.Errorf("two frames: %q, %v", got, err)
	}
	_, err = expand(LZ4, append(bytes.Clone(one), two[4:]...))
	if !errors.Is(err, ErrCorrupt) {
		t.Errorf("a block behind a short block: %v, want ErrCorrupt", err)
	}
	_, err = expand(LZ4, []byte{0x02, 0x21, 0x4c, 0x18, 0xff, 0xff, 0xff, 0x7f})
	if !errors.Is(err, ErrCorrupt) {
		t.Errorf("a block of 2 GiB: %v, want ErrCorrupt", err)
	}
}
