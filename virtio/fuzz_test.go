package virtio_test

import (
	"encoding/binary"
	"testing"

	"linuxkvm/virtio"
	"linuxkvm/virtio/internal/drive"
)

// FuzzDriver is a driver that writes what it likes to the rings and registers. The
// device must neither crash nor hang, and a reset must mend it.
func FuzzDriver(f *testing.F) {
	f.Add([]byte{}, uint64(0))
	f.Add(drive.Encode(0x1000, 16, drive.Next, 0), uint64(0))
	f.Add(append([]byte{1, 0, 0x02, 0, 1, 0}, drive.Encode(0x2000, 32, drive.Indirect, 0)...), virtio.FeatureEventIdx)
	f.Fuzz(func(t *testing.T, script []byte, without uint64) {
		d := drive.New(t, newUpper())
		d.Start(without &^ virtio.FeatureVersion1)
		base := d.Queue(0).Desc
		for len(script) >= 6 {
			where, v := binary.LittleEndian.Uint16(script), script[2:6]
			script = script[6:]
			if where < 0x400 {
				d.MMIO.Write(uint64(where), v)
			} else {
				d.Put(base+uint64(where%0x300), v)
				d.Queue(0).Kick()
			}
		}
		d.Start(0)
		if got := d.Queue(0).Do([]byte("x"), 1); string(got) != "X" {
			t.Errorf("after a reset: %q", got)
		}
	})
}

// FuzzChain is one chain whose descriptors are the fuzzer's.
func FuzzChain(f *testing.F) {
	f.Add(append(drive.Encode(0x100, 4, drive.Next, 1), drive.Encode(0x200, 4, drive.Write, 0)...), uint16(0))
	f.Add(drive.Encode(0x40000, 64, drive.Indirect, 0), uint16(0))
	f.Fuzz(func(t *testing.T, descs []byte, head uint16) {
		d := drive.New(t, newUpper())
		d.Start(0)
		q := d.Queue(0)
		d.Put(q.Desc, descs[:min(len(descs), 16*int(q.Size))])
		q.Offer(head)
		q.Kick()
		d.Start(0)
		if got := d.Queue(0).Do([]byte("x"), 1); string(got) != "X" {
			t.Errorf("after a reset: %q", got)
		}
	})
}
