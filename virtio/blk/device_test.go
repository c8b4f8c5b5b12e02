package blk_test

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"linuxkvm/virtio"
	"linuxkvm/virtio/blk"
	"linuxkvm/virtio/internal/drive"
)

func pattern(n int, seed byte) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(i>>8) ^ byte(i) ^ seed
	}
	return p
}

func TestReadAndWrite(t *testing.T) {
	for name, without := range map[string]uint64{
		"everything": 0, "little": ^(virtio.FeatureVersion1 | virtio.FeatureIndirect),
	} {
		t.Run(name, func(t *testing.T) {
			disk := newRAM(2 << 20)
			d := newDriver(t, blk.Config{Disk: disk, Serial: "a serial number"}, without)
			// More than one piece, and not a whole number of them.
			data := pattern(300<<10+512, 1)
			_, s := request(d, typeOut, 3, data, 0)
			wantStatus(t, "write", s, ok)
			if !bytes.Equal(disk.bytes[3*512:][:len(data)], data) || disk.bytes[3*512-1] != 0 || disk.bytes[3*512+len(data)] != 0 {
				t.Error("the disk has something else")
			}
			got, s := request(d, typeIn, 3, nil, len(data))
			wantStatus(t, "read", s, ok)
			if !bytes.Equal(got, data) {
				t.Error("read something else than was written")
			}
			_, s = request(d, typeFlush, 0, nil, 0)
			wantStatus(t, "flush", s, ok)
			got, s = request(d, typeGetID, 0, nil, 20)
			wantStatus(t, "serial number", s, ok)
			if want := "a serial number\x00\x00\x00\x00\x00"; string(got) != want {
				t.Errorf("serial number %q, want %q", got, want)
			}
		})
	}
}

// What a driver may do: the header and the status with the data in one descriptor
// each, or every byte in one of its own.
func TestShapes(t *testing.T) {
	disk := newRAM(1 << 20)
	copy(disk.bytes, pattern(512, 9))
	d := newDriver(t, blk.Config{Disk: disk}, 0)
	got := d.Queue(0).Do(header(typeIn, 0), 513)
	if len(got) != 513 || !bytes.Equal(got[:512], disk.bytes[:512]) || got[512] != ok {
		t.Errorf("data and status in one: %d bytes", len(got))
	}
	got = d.Queue(0).Do(append(header(typeOut, 1), pattern(512, 5)...), 1)
	if len(got) != 1 || got[0] != ok || !bytes.Equal(disk.bytes[512:1024], pattern(512, 5)) {
		t.Errorf("header and data in one: %v", got)
	}
	var buffers []drive.Buffer
	for _, b := range header(typeIn, 0) {
		buffers = append(buffers, d.Out([]byte{b}))
	}
	in := d.In(513)
	for i := range 513 {
		buffers = append(buffers, drive.Buffer{GPA: in.GPA + uint64(i), Size: 1, Write: true})
	}
	d.Queue(0).AddIndirect(buffers...)
	d.Queue(0).Kick()
	if _, n := d.Queue(0).WaitUsed(); n != 513 {
		t.Errorf("in single bytes: %d", n)
	}
	if got := d.Get(in.GPA, 513); !bytes.Equal(got[:512], disk.bytes[:512]) || got[512] != ok {
		t.Error("in single bytes: something else")
	}
}

func TestQueues(t *testing.T) {
	disk := newRAM(1 << 20)
	copy(disk.bytes[512:], "second")
	d := newDriver(t, blk.Config{Disk: disk, Queues: 4}, 0)
	for i := range 4 {
		if got := d.Queue(i).Do(header(typeIn, 1), 513); len(got) != 513 || string(got[:6]) != "second" {
			t.Errorf("queue %d: %d bytes", i, len(got))
		}
	}
}

func TestConfiguration(t *testing.T) {
	le := binary.LittleEndian
	full := newDriver(t, blk.Config{Disk: &forgetful{ram: newRAM(1<<20 + 511)}, Queues: 3}, 0).Config(0, 64)
	for name, c := range map[string]struct{ got, want uint64 }{
		"capacity":        {le.Uint64(full), 2048},
		"segments":        {uint64(le.Uint32(full[12:])), 510},
		"block":           {uint64(le.Uint32(full[20:])), 512},
		"physical block":  {uint64(full[24]), 3},
		"smallest I/O":    {uint64(le.Uint16(full[26:])), 8},
		"cache":           {uint64(full[32]), 1},
		"queues":          {uint64(le.Uint16(full[34:])), 3},
		"discard sectors": {uint64(le.Uint32(full[36:])), 1 << 21},
		"discard ranges":  {uint64(le.Uint32(full[40:])), 16},
		"zero sectors":    {uint64(le.Uint32(full[48:])), 1 << 21},
		"zero ranges":     {uint64(le.Uint32(full[52:])), 16},
		"zero may unmap":  {uint64(full[56]), 1},
		"beyond":          {uint64(le.Uint32(full[60:])), 0},
	} {
		if c.got != c.want {
			t.Errorf("%s: %d, want %d", name, c.got, c.want)
		}
	}
	ro, err := blk.New(blk.Config{Disk: &forgetful{ram: newRAM(1 << 20)}, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	if f := ro.Features(); f&(1<<5) == 0 || f&(1<<11|1<<13|1<<14) != 0 {
		t.Errorf("features of a read-only disk: %#x", f)
	}
}

func TestRefusals(t *testing.T) {
	for want, cfg := range map[string]blk.Config{
		"needs a disk":  {},
		"20 bytes":      {Serial: strings.Repeat("x", 21)},
		"-1 queues":     {Queues: -1},
		"65 queues":     {Queues: 65},
		"1000 workers":  {Workers: 1000},
		"blocks of 513": {BlockSize: 513},
		"of 8192 bytes": {BlockSize: 8192},
	} {
		if want != "needs a disk" {
			cfg.Disk = newRAM(512)
		}
		if _, err := blk.New(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func TestResized(t *testing.T) {
	disk := newRAM(1024)
	dev, err := blk.New(blk.Config{Disk: disk})
	if err != nil {
		t.Fatal(err)
	}
	dev.Resized() // without a driver
	d := drive.New(t, dev)
	d.Start(0)
	_, s := request(d, typeIn, 2, nil, 512)
	wantStatus(t, "beyond the end", s, ioErr)
	before := d.Reg(0xfc)
	disk.bytes = append(disk.bytes, pattern(1024, 3)...)
	dev.Resized()
	if got := binary.LittleEndian.Uint64(d.Config(0, 8)); got != 4 || d.Reg(0xfc) == before || d.Reg(drive.InterruptStatus)&2 == 0 {
		t.Errorf("capacity %d; generation %d after %d", got, d.Reg(0xfc), before)
	}
	got, s := request(d, typeIn, 2, nil, 512)
	wantStatus(t, "what was added", s, ok)
	if !bytes.Equal(got, pattern(512, 3)) {
		t.Error("read something else")
	}
}

// With the cache off, or for a driver that knows no flush, each write lasts when it
// is done.
func TestWriteThrough(t *testing.T) {
	const flush, wce = 1 << 9, 1 << 11
	write := func(d *drive.Driver) {
		_, s := request(d, typeOut, 0, make([]byte, 512), 0)
		wantStatus(t, "write", s, ok)
	}
	disk := newRAM(1 << 20)
	d := newDriver(t, blk.Config{Disk: disk}, 0)
	write(d)
	if n := disk.count(); n != 0 {
		t.Errorf("%d flushes with a cache", n)
	}
	d.MMIO.Write(0x100+32, []byte{0})
	d.MMIO.Write(0x100+32, []byte{2})       // no such value
	d.MMIO.Write(0x100+30, make([]byte, 4)) // not the field alone
	if got := d.Config(32, 1)[0]; got != 0 {
		t.Errorf("cache %d after it was turned off", got)
	}
	write(d)
	if n := disk.count(); n != 1 {
		t.Errorf("%d flushes without a cache, want 1", n)
	}
	d.Start(0)
	if got := d.Config(32, 1)[0]; got != 1 {
		t.Errorf("cache %d after a reset", got)
	}
	write(d)
	if n := disk.count(); n != 1 {
		t.Errorf("%d flushes after a reset, want still 1", n)
	}
	d.Start(flush | wce)
	write(d)
	if n := disk.count(); n != 2 {
		t.Errorf("%d flushes for a driver that knows none, want 2", n)
	}
}
