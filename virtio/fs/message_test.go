package fs

import (
	"bytes"
	"encoding/binary"
	"syscall"
	"testing"

	"linuxkvm/virtio"
	"linuxkvm/virtio/internal/drive"
)

// refuser is a device that refuses what it reads, and says nothing to what it cannot.
type refuser struct{}

func (refuser) Type() uint32                  { return virtio.TypeFS }
func (refuser) Features() uint64              { return 0 }
func (refuser) QueueSizes() []uint16          { return []uint16{8} }
func (refuser) ReadConfig(_ uint64, p []byte) { clear(p) }
func (refuser) WriteConfig(uint64, []byte)    {}
func (refuser) Start(s *virtio.Session) error {
	s.Serve(0, func(c *virtio.Chain) int {
		m, err := readMessage(&c.Readable)
		if err != nil {
			return 0
		}
		n, _ := c.Writable.Write(m.refuse(syscall.EROFS)) // as much as there is room for
		return n
	})
	return nil
}

// A request's own length counts, within its chain and the largest message.
func TestMessageSizes(t *testing.T) {
	d := drive.New(t, refuser{})
	d.Start(0)
	for _, c := range []struct {
		claims uint32
		bytes  int
		served bool
	}{
		{inHeader, inHeader, true},
		{inHeader, inHeader + 100, true},
		{maxMessage, maxMessage, true},
		{0, inHeader, false},
		{inHeader - 1, inHeader, false},
		{inHeader, inHeader - 1, false},
		{inHeader + 1, inHeader, false},
		{maxMessage + 1, maxMessage + 1, false},
		{0xffff_ffff, inHeader, false},
	} {
		p := make([]byte, c.bytes)
		binary.LittleEndian.PutUint32(p, c.claims)
		p[headerUniq] = 9
		got := d.Queue(0).Do(p, outHeader)
		want := []byte{}
		if c.served {
			want = []byte{outHeader, 0, 0, 0, 0xe2, 0xff, 0xff, 0xff, 9, 0, 0, 0, 0, 0, 0, 0}
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%d bytes that claim %d: answer % x, want % x", c.bytes, c.claims, got, want)
		}
	}
}
