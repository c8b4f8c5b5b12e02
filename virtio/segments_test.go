package virtio_test

import (
	"encoding/binary"
	"testing"

	"linuxkvm/virtio"
	"linuxkvm/virtio/internal/drive"
)

// where is a device that answers with where its request stood.
type where struct{ upper }

func (w *where) Start(s *virtio.Session) error {
	s.Serve(0, func(c *virtio.Chain) int {
		n := 0
		for gpa, size := range c.Readable.Segments() {
			p := binary.LittleEndian.AppendUint64(nil, gpa)
			k, _ := c.Writable.Write(binary.LittleEndian.AppendUint64(p, size)) // as far as there is room
			if n += k; k < 16 {
				break
			}
		}
		return n
	})
	return nil
}

func TestSegments(t *testing.T) {
	d := drive.New(t, &where{*newUpper()})
	d.Start(0)
	a, b, answer := d.Out([]byte("abc")), drive.Buffer{GPA: 0xffff_ffff_0000_0000, Size: 5}, d.In(48)
	d.Queue(0).Add(a, d.Out(nil), b, answer)
	d.Queue(0).Kick()
	if _, n := d.Queue(0).WaitUsed(); n != 32 {
		t.Fatalf("%d bytes, want 2 segments", n)
	}
	got := d.Get(answer.GPA, 32)
	for i, want := range []uint64{a.GPA, 3, b.GPA, 5} {
		if v := binary.LittleEndian.Uint64(got[8*i:]); v != want {
			t.Errorf("word %d: %#x, want %#x", i, v, want)
		}
	}
}
