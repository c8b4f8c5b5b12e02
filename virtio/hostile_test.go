package virtio_test

import (
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"linuxkvm/virtio"
	"linuxkvm/virtio/internal/drive"
)

// What a driver may not do breaks the device, which says so, and a reset mends it.
func TestHostileDriver(t *testing.T) {
	const nowhere = 1 << 40
	for name, do := range map[string]func(d *drive.Driver, q *drive.Queue){
		"a loop": func(d *drive.Driver, q *drive.Queue) {
			d.Put(q.Desc, drive.Encode(0x1000, 1, drive.Next, 0))
			q.Offer(0)
		},
		"a descriptor that is not there": func(d *drive.Driver, q *drive.Queue) {
			d.Put(q.Desc, drive.Encode(0x1000, 1, drive.Next, q.Size))
			q.Offer(0)
		},
		"a head that is not there": func(_ *drive.Driver, q *drive.Queue) { q.Offer(q.Size) },
		"an index too far on":      func(_ *drive.Driver, q *drive.Queue) { q.SetAvailIndex(q.Size + 1) },
		"to read after to write": func(d *drive.Driver, q *drive.Queue) {
			q.Add(d.In(1), d.Out([]byte("x")))
		},
		"indirect in indirect": func(d *drive.Driver, q *drive.Queue) {
			inner := d.Alloc(16)
			d.Put(inner, drive.Encode(inner, 16, drive.Indirect, 0))
			d.Put(q.Desc, drive.Encode(inner, 16, drive.Indirect, 0))
			q.Offer(0)
		},
		"indirect and next": func(d *drive.Driver, q *drive.Queue) {
			d.Put(q.Desc, drive.Encode(0x1000, 16, drive.Indirect|drive.Next, 1))
			q.Offer(0)
		},
		"an indirect table of odd size": func(d *drive.Driver, q *drive.Queue) {
			d.Put(q.Desc, drive.Encode(0x1000, 17, drive.Indirect, 0))
			q.Offer(0)
		},
		"an indirect table of nothing": func(d *drive.Driver, q *drive.Queue) {
			d.Put(q.Desc, drive.Encode(0x1000, 0, drive.Indirect, 0))
			q.Offer(0)
		},
		"an indirect table of 4 GiB": func(d *drive.Driver, q *drive.Queue) {
			d.Put(q.Desc, drive.Encode(0x1000, 0xffff_fff0, drive.Indirect, 0))
			q.Offer(0)
		},
		"an indirect table nowhere": func(d *drive.Driver, q *drive.Queue) {
			d.Put(q.Desc, drive.Encode(nowhere, 16, drive.Indirect, 0))
			q.Offer(0)
		},
		"more than 4 GiB": func(d *drive.Driver, q *drive.Queue) {
			d.Put(q.Desc, drive.Encode(0, 0xffff_ffff, drive.Next, 1))
			d.Put(q.Desc+16, drive.Encode(0, 0xffff_ffff, 0, 0))
			q.Offer(0)
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := drive.New(t, newUpper())
			d.Start(0)
			do(d, d.Queue(0))
			d.Queue(0).Kick()
			wantBroken(t, d)
			d.Start(0)
			if got := d.Queue(0).Do([]byte("mended"), 6); string(got) != "MENDED" {
				t.Errorf("after a reset: %q", got)
			}
		})
	}
}

func wantBroken(t *testing.T, d *drive.Driver) {
	t.Helper()
	select {
	case err := <-d.Broken:
		if !errors.Is(err, virtio.ErrBroken) {
			t.Error(err)
		}
	case <-time.After(drive.Patience):
		t.Fatal("the device did not notice")
	}
	if s := d.Reg(drive.Status); s&64 == 0 {
		t.Errorf("status %#x does not say that a reset is needed", s)
	}
}

// A queue that is set up wrongly does not become ready.
func TestHostileSetup(t *testing.T) {
	for name, set := range map[string]map[uint64]uint32{
		"size 0":             {drive.QueueSize: 0},
		"size 3":             {drive.QueueSize: 3},
		"larger than it may": {drive.QueueSize: 16},
		"crooked table":      {drive.QueueDesc: 8},
		"crooked avail":      {drive.QueueAvail: 1},
		"crooked used":       {drive.QueueUsed: 2},
	} {
		t.Run(name, func(t *testing.T) {
			d := drive.New(t, newUpper())
			d.Negotiate(0)
			d.SetReg(drive.QueueSel, 0)
			d.SetReg(drive.QueueSize, 8)
			for reg, v := range set {
				d.SetReg(reg, v)
			}
			d.SetReg(drive.QueueReady, 1)
			if d.Reg(drive.QueueReady) != 0 {
				t.Error("it is ready")
			}
			d.SetReg(drive.Status, 15)
			wantBroken(t, d)
		})
	}
}

// Rings outside of memory break the device and hurt nobody.
func TestRingsNowhere(t *testing.T) {
	for _, reg := range []uint64{drive.QueueDesc, drive.QueueAvail, drive.QueueUsed} {
		d := drive.New(t, newUpper())
		d.Negotiate(0)
		gpa := map[uint64]uint64{drive.QueueDesc: 0x1000, drive.QueueAvail: 0x2000, drive.QueueUsed: 0x3000}
		gpa[reg] = 0xffff_ffff_ffff_fff0
		d.SetReg(drive.QueueSel, 0)
		d.SetReg(drive.QueueSize, 8)
		for r, v := range gpa {
			d.SetReg(r, uint32(v))
			d.SetReg(r+4, uint32(v>>32))
		}
		d.SetReg(drive.QueueReady, 1)
		d.Put(0x2002, binary.LittleEndian.AppendUint16(nil, 1))
		d.SetReg(drive.Status, 15)
		d.SetReg(drive.QueueNotify, 0)
		wantBroken(t, d)
	}
}

// Registers are read and written in any width at any place.
func TestOddAccesses(t *testing.T) {
	d := drive.New(t, newUpper())
	for off := range uint64(virtio.MMIOSize) {
		for n := range 9 {
			p := make([]byte, n)
			d.MMIO.Read(off, p)
			d.MMIO.Write(off, p)
		}
	}
	d.Start(0)
	if got := d.Queue(0).Do([]byte("x"), 1); string(got) != "X" {
		t.Errorf("afterwards: %q", got)
	}
}
