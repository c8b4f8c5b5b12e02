package blk_test

import (
	"bytes"
	"errors"
	"runtime"
	"testing"
	"time"

	"linuxkvm/virtio"
	"linuxkvm/virtio/blk"
	"linuxkvm/virtio/internal/drive"
	"linuxkvm/virtio/throttle"
)

// A disk that must not be touched by what is refused.
func untouched(t *testing.T, disk *forgetful) {
	t.Helper()
	if !bytes.Equal(disk.bytes, pattern(len(disk.bytes), 7)) || disk.discarded+disk.zeroed != 0 {
		t.Error("the disk was changed")
	}
}

func TestHostileRequests(t *testing.T) {
	const sectors = 64
	disk := &forgetful{ram: newRAM(sectors*512 + 100)}
	copy(disk.bytes, pattern(len(disk.bytes), 7))
	told := 0
	d := newDriver(t, blk.Config{Disk: disk, OnError: func(error) { told++ }}, 0)
	max64 := ^uint64(0)
	for name, c := range map[string]struct {
		kind   uint32
		sector uint64
		out    []byte
		in     int
		want   byte
	}{
		"read right beyond the end":     {typeIn, sectors, nil, 512, ioErr},
		"read over the end":             {typeIn, sectors - 1, nil, 1024, ioErr},
		"read at the last sector":       {typeIn, max64, nil, 512, ioErr},
		"read where the offset is 0":    {typeIn, 1 << 55, nil, 512, ioErr},
		"read where the offset is less": {typeIn, 1<<55 + 1, nil, 512, ioErr},
		"read half a sector":            {typeIn, 0, nil, 256, ioErr},
		"read a sector and a byte":      {typeIn, 0, nil, 513, ioErr},
		"write right beyond the end":    {typeOut, sectors, make([]byte, 512), 0, ioErr},
		"write over the end":            {typeOut, sectors - 1, make([]byte, 1024), 0, ioErr},
		"write at the last sector":      {typeOut, max64, make([]byte, 512), 0, ioErr},
		"write where the offset is 0":   {typeOut, 1 << 55, make([]byte, 512), 0, ioErr},
		"write half a sector":           {typeOut, 0, make([]byte, 256), 0, ioErr},
		"serial number in one byte":     {typeGetID, 0, nil, 1, ok},
		"serial number in much":         {typeGetID, 0, nil, 4096, ok},
		"no such type":                  {2, 0, nil, 0, unsupp},
		"secure erase":                  {14, 0, span(0, 8, 0), 0, unsupp},
		"the largest type":              {1<<32 - 1, 0, nil, 0, unsupp},
		"discard nothing":               {typeDiscard, 0, nil, 0, ioErr},
		"discard half a range":          {typeDiscard, 0, span(0, 8, 0)[:8], 0, ioErr},
		"discard 17 ranges":             {typeDiscard, 0, bytes.Repeat(span(0, 8, 0), 17), 0, ioErr},
		"discard over the end":          {typeDiscard, 0, span(sectors-1, 2, 0), 0, ioErr},
		"discard, the second over it":   {typeDiscard, 0, append(span(0, 8, 0), span(sectors, 1, 0)...), 0, ioErr},
		"discard at the last sector":    {typeDiscard, 0, span(max64, 1, 0), 0, ioErr},
		"discard as much as can be":     {typeDiscard, 0, span(0, 1<<32-1, 0), 0, ioErr},
		"discard and unmap":             {typeDiscard, 0, span(0, 8, 1), 0, unsupp},
		"discard with other flags":      {typeDiscard, 0, span(0, 8, 2), 0, unsupp},
		"zeros over the end":            {typeZeroes, 0, span(sectors, 1, 1), 0, ioErr},
		"zeros with other flags":        {typeZeroes, 0, span(0, 8, 0x8000_0001), 0, unsupp},
		"zeros at no range":             {typeZeroes, 0, nil, 0, ioErr},
	} {
		_, s := request(d, c.kind, c.sector, c.out, c.in)
		wantStatus(t, name, s, c.want)
	}
	untouched(t, disk)
	if told != 0 {
		t.Errorf("%d errors of the disk were told of, where all were the driver's", told)
	}
	_, s := request(d, typeOut, sectors-1, make([]byte, 512), 0)
	wantStatus(t, "the last sector", s, ok)
}

func TestHostileReadOnly(t *testing.T) {
	disk := &forgetful{ram: newRAM(1 << 20)}
	copy(disk.bytes, pattern(len(disk.bytes), 7))
	d := newDriver(t, blk.Config{Disk: disk, ReadOnly: true}, 0)
	d.MMIO.Write(0x100+32, []byte{0})
	_, s := request(d, typeOut, 0, make([]byte, 512), 0)
	wantStatus(t, "write", s, ioErr)
	_, s = request(d, typeDiscard, 0, span(0, 8, 0), 0)
	wantStatus(t, "discard", s, ioErr)
	_, s = request(d, typeZeroes, 0, span(0, 8, 0), 0)
	wantStatus(t, "zeros", s, ioErr)
	_, s = request(d, typeFlush, 0, nil, 0)
	wantStatus(t, "flush", s, ok)
	got, s := request(d, typeIn, 0, nil, 512)
	wantStatus(t, "read", s, ok)
	if !bytes.Equal(got, disk.bytes[:512]) {
		t.Error("read something else")
	}
	untouched(t, disk)
}

// Headers that are too short, and buffers that are no memory.
func TestHostileBuffers(t *testing.T) {
	const nowhere = 1 << 40
	disk := newRAM(1 << 20)
	copy(disk.bytes, pattern(len(disk.bytes), 7))
	d := newDriver(t, blk.Config{Disk: disk}, 0)
	q := d.Queue(0)
	for name, c := range map[string]struct {
		buffers []drive.Buffer
		want    byte
	}{
		"no header":           {nil, ioErr},
		"a short header":      {[]drive.Buffer{d.Out(header(typeIn, 0)[:15])}, ioErr},
		"a header nowhere":    {[]drive.Buffer{{GPA: nowhere, Size: 16}}, ioErr},
		"data nowhere":        {[]drive.Buffer{d.Out(header(typeOut, 0)), {GPA: nowhere, Size: 512}}, ioErr},
		"an answer nowhere":   {[]drive.Buffer{d.Out(header(typeIn, 0)), {GPA: nowhere, Size: 512, Write: true}}, ioErr},
		"an ID nowhere":       {[]drive.Buffer{d.Out(header(typeGetID, 0)), {GPA: nowhere, Size: 20, Write: true}}, ioErr},
		"ranges nowhere":      {[]drive.Buffer{d.Out(header(typeZeroes, 0)), {GPA: nowhere, Size: 16}}, ioErr},
		"at the last address": {[]drive.Buffer{d.Out(header(typeOut, 0)), {GPA: ^uint64(0) - 100, Size: 512}}, ioErr},
	} {
		status := d.In(1)
		d.Put(status.GPA, []byte{0xff})
		q.Add(append(c.buffers, status)...)
		q.Kick()
		q.WaitUsed()
		wantStatus(t, name, d.Get(status.GPA, 1)[0], c.want)
	}
	if !bytes.Equal(disk.bytes, pattern(len(disk.bytes), 7)) {
		t.Error("the disk was changed")
	}
	// A status that has no place in memory: the request ends all the same.
	q.Add(d.Out(header(typeFlush, 0)), drive.Buffer{GPA: nowhere, Size: 1, Write: true})
	q.Kick()
	q.WaitUsed()
}

// Where a status has no place at all, the driver broke the rules.
func TestHostileNoStatus(t *testing.T) {
	d := newDriver(t, blk.Config{Disk: newRAM(4096)}, 0)
	d.Queue(0).Add(d.Out(header(typeFlush, 0)))
	d.Queue(0).Kick()
	wantBroken(t, d)
	d.Start(0)
	_, s := request(d, typeFlush, 0, nil, 0)
	wantStatus(t, "after a reset", s, ok)
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
}

// vast is a disk without bytes.
type vast struct{ size int64 }

func (v vast) Size() int64                            { return v.size }
func (v vast) ReadAt(p []byte, _ int64) (int, error)  { return len(p), nil }
func (v vast) WriteAt(p []byte, _ int64) (int, error) { return len(p), nil }
func (v vast) Flush() error                           { return nil }
func (v vast) Discard(int64, int64) error             { return nil }
func (v vast) WriteZeroes(_, _ int64, _ bool) error   { return nil }

// A request of almost 4 GiB, all of it the same memory, costs one piece, and ends
// with a reset.
func TestHostileLength(t *testing.T) {
	for name, limit := range map[string]throttle.Limit{
		"no limit": {}, "a limit": {BytesPerSecond: 1 << 20, BytesBurst: 1 << 10}, "a low limit": {OpsPerSecond: 1, BytesPerSecond: 1},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDriver(t, blk.Config{Disk: vast{1 << 62}, Limit: limit}, 0)
			data := d.In(4 << 20)
			for _, kind := range []uint32{typeIn, typeOut} {
				data.Write = kind == typeIn
				buffers := []drive.Buffer{d.Out(header(kind, 1<<50))}
				for range 1000 {
					buffers = append(buffers, data)
				}
				d.Queue(0).AddIndirect(append(buffers, d.In(1))...)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			d.Queue(0).Kick()
			time.Sleep(20 * time.Millisecond)
			start := time.Now()
			d.Start(0)
			if took := time.Since(start); took > drive.Patience {
				t.Errorf("the reset took %v", took)
			}
			runtime.ReadMemStats(&after)
			if n := after.TotalAlloc - before.TotalAlloc; n > 4<<20 {
				t.Errorf("%d bytes were allocated", n)
			}
			if limit.OpsPerSecond == 0 {
				_, s := request(d, typeFlush, 0, nil, 0)
				wantStatus(t, "after a reset", s, ok)
			}
		})
	}
}

// FuzzRequest is a request whose header, ranges and buffers are the fuzzer's.
func FuzzRequest(f *testing.F) {
	f.Add(header(typeIn, 1), uint16(0), uint16(513), uint8(0))
	f.Add(append(header(typeOut, 1), make([]byte, 512)...), uint16(16), uint16(1), uint8(0))
	f.Add(append(header(typeDiscard, 0), span(1, 2, 0)...), uint16(3), uint16(1), uint8(1))
	f.Add(append(header(typeZeroes, 0), span(1, 2, 1)...), uint16(20), uint16(1), uint8(2))
	f.Add(header(typeGetID, 0), uint16(0), uint16(21), uint8(3))
	f.Add([]byte{}, uint16(0), uint16(0), uint8(0))
	f.Fuzz(func(t *testing.T, out []byte, cut, in uint16, how uint8) {
		disk := &forgetful{ram: newRAM(64*512 + 100)}
		if how&1 != 0 {
			disk.refuse = errors.ErrUnsupported
		}
		d := newDriver(t, blk.Config{Disk: disk, ReadOnly: how&2 != 0, Workers: 2}, uint64(how&4)<<7)
		out = out[:min(len(out), 1<<16)]
		cut = min(cut, uint16(min(len(out), 1<<15)))
		q := d.Queue(0)
		answer := d.In(int(in))
		q.Add(d.Out(out[:cut]), d.Out(out[cut:]), answer)
		q.Kick()
		if in == 0 {
			wantBroken(t, d)
		} else {
			q.WaitUsed()
			if s := d.Get(answer.GPA+uint64(in)-1, 1)[0]; s > unsupp {
				t.Errorf("status %d", s)
			}
		}
		if how&2 != 0 && !bytes.Equal(disk.bytes, make([]byte, len(disk.bytes))) {
			t.Error("a read-only disk was changed")
		}
		d.Start(0)
		_, s := request(d, typeFlush, 0, nil, 0)
		wantStatus(t, "afterwards", s, ok)
	})
}
