package blk_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"linuxkvm/virtio/blk"
	"linuxkvm/virtio/internal/drive"
	"linuxkvm/virtio/throttle"
)

// gated is a disk whose reads wait.
type gated struct {
	*ram
	inside atomic.Int32
	most   atomic.Int32
	gate   chan struct{}
}

func (g *gated) ReadAt(p []byte, off int64) (int, error) {
	n := g.inside.Add(1)
	defer g.inside.Add(-1)
	for m := g.most.Load(); n > m && !g.most.CompareAndSwap(m, n); m = g.most.Load() {
	}
	<-g.gate
	return g.ram.ReadAt(p, off)
}

// Requests are worked on at the same time, as many as there are workers, and a write
// does not wait for reads that do.
func TestParallel(t *testing.T) {
	const workers, requests = 4, 12
	disk := &gated{ram: newRAM(1 << 20), gate: make(chan struct{})}
	d := newDriver(t, blk.Config{Disk: disk, Workers: workers}, 0)
	q := d.Queue(0)
	heads := map[uint16]bool{}
	for range workers - 1 {
		heads[q.AddIndirect(d.Out(header(typeIn, 0)), d.In(513))] = true
	}
	write := q.AddIndirect(d.Out(header(typeOut, 0)), d.Out(make([]byte, 512)), d.In(1))
	q.Kick()
	if head, _ := q.WaitUsed(); head != write {
		t.Fatalf("%d came first, want the write %d", head, write)
	}
	for range requests - len(heads) {
		heads[q.AddIndirect(d.Out(header(typeIn, 0)), d.In(513))] = true
	}
	q.Kick()
	for end := time.Now().Add(drive.Patience); disk.inside.Load() < workers; {
		if time.Now().After(end) {
			t.Fatalf("%d requests are worked on, want %d", disk.inside.Load(), workers)
		}
		time.Sleep(time.Millisecond)
	}
	close(disk.gate)
	for range requests {
		head, n := q.WaitUsed()
		if !heads[head] || n != 513 {
			t.Errorf("head %d, %d bytes", head, n)
		}
		delete(heads, head)
	}
	if n := disk.most.Load(); n != workers {
		t.Errorf("%d requests at a time, want %d", n, workers)
	}
}

// journal is a disk that writes down what was written when it was flushed.
type journal struct {
	*ram
	lasting []byte
}

func (j *journal) Flush() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lasting = bytes.Clone(j.bytes)
	return nil
}

// What a flush finds done lasts.
func TestFlushCoversWhatIsDone(t *testing.T) {
	disk := &journal{ram: newRAM(64 << 10)}
	d := newDriver(t, blk.Config{Disk: disk}, 0)
	for i := range 100 {
		data := pattern(512, byte(i))
		_, s := request(d, typeOut, uint64(i), data, 0)
		wantStatus(t, "write", s, ok)
		_, s = request(d, typeFlush, 0, nil, 0)
		wantStatus(t, "flush", s, ok)
		if !bytes.Equal(disk.lasting[i*512:][:512], data) {
			t.Fatalf("write %d did not last", i)
		}
	}
}

// errorList collects what OnError is told.
type errorList struct {
	mu   sync.Mutex
	list []error
}

func (e *errorList) add(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, err)
}

func (e *errorList) all(want error) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := 0
	for _, err := range e.list {
		if errors.Is(err, want) {
			n++
		}
	}
	return n
}

// Errors of the host's disk are the guest's I/O errors, are told of, and pass.
func TestDiskErrors(t *testing.T) {
	for _, errno := range []error{syscall.EIO, syscall.ENOSPC} {
		var told errorList
		disk := &forgetful{ram: newRAM(1 << 20)}
		d := newDriver(t, blk.Config{Disk: disk, OnError: told.add}, 0)
		disk.fail, disk.refuse = errno, errno
		for name, c := range map[string]struct {
			kind uint32
			out  []byte
			in   int
		}{
			"read": {typeIn, nil, 512}, "write": {typeOut, make([]byte, 512), 0}, "flush": {typeFlush, nil, 0},
			"discard": {typeDiscard, span(0, 8, 0), 0}, "zeros": {typeZeroes, span(0, 8, 1), 0},
		} {
			_, s := request(d, c.kind, 0, c.out, c.in)
			wantStatus(t, name, s, ioErr)
		}
		if n := told.all(errno); n != 5 {
			t.Errorf("%v: told of %d times, want 5: %v", errno, n, told.list)
		}
		disk.fail, disk.refuse = nil, nil
		_, s := request(d, typeOut, 0, make([]byte, 512), 0)
		wantStatus(t, "afterwards", s, ok)
	}
}

// full is a disk on a file system without room: writes go to /dev/full.
type full struct {
	*ram
	file *os.File
}

func (f *full) WriteAt(p []byte, off int64) (int, error) { return f.file.WriteAt(p, off) }

func TestHostDiskFull(t *testing.T) {
	f, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var told errorList
	d := newDriver(t, blk.Config{Disk: &full{newRAM(1 << 20), f}, OnError: told.add}, 0)
	_, s := request(d, typeOut, 0, make([]byte, 4096), 0)
	wantStatus(t, "write", s, ioErr)
	_, s = request(d, typeZeroes, 0, span(0, 8, 0), 0)
	wantStatus(t, "zeros", s, ioErr)
	if told.all(syscall.ENOSPC) != 2 {
		t.Errorf("told %v", told.list)
	}
	_, s = request(d, typeIn, 0, nil, 4096)
	wantStatus(t, "read", s, ok)
}

// Discards and zeros reach a disk that can; one that cannot gets zeros written, and
// hears nothing of discards.
func TestDiscardAndZeroes(t *testing.T) {
	disk := &forgetful{ram: newRAM(1 << 20)}
	d := newDriver(t, blk.Config{Disk: disk}, 0)
	_, s := request(d, typeDiscard, 0, append(span(0, 8, 0), span(16, 8, 0)...), 0)
	wantStatus(t, "discard", s, ok)
	_, s = request(d, typeZeroes, 0, append(span(0, 8, 1), span(16, 8, 0)...), 0)
	wantStatus(t, "zeros", s, ok)
	if disk.discarded != 8192 || disk.zeroed != 8192 || disk.unmapped != 4096 {
		t.Errorf("discarded %d, zeroed %d, of these %d unmapped", disk.discarded, disk.zeroed, disk.unmapped)
	}
	disk.refuse = errors.ErrUnsupported
	copy(disk.bytes, pattern(len(disk.bytes), 1))
	_, s = request(d, typeDiscard, 0, span(0, 8, 0), 0)
	wantStatus(t, "discard that cannot be", s, ok)
	_, s = request(d, typeZeroes, 0, span(1, 1000, 1), 0)
	wantStatus(t, "zeros the long way", s, ok)
	want := pattern(len(disk.bytes), 1)
	clear(want[512:][:1000*512])
	if !bytes.Equal(disk.bytes, want) {
		t.Error("the disk has something else")
	}
	plain := newRAM(1 << 20)
	d = newDriver(t, blk.Config{Disk: plain}, 0)
	_, s = request(d, typeDiscard, 0, span(0, 8, 0), 0)
	wantStatus(t, "discard of a disk that has none", s, unsupp)
	_, s = request(d, typeZeroes, 0, span(0, 8, 0), 0)
	wantStatus(t, "zeros of a disk that has none", s, ok)
}

// A limit delays, and can be lifted.
func TestLimit(t *testing.T) {
	dev, err := blk.New(blk.Config{Disk: newRAM(1 << 20), Limit: throttle.Limit{BytesPerSecond: 1}})
	if err != nil {
		t.Fatal(err)
	}
	d := drive.New(t, dev)
	d.Start(0)
	q := d.Queue(0)
	q.Add(d.Out(header(typeIn, 0)), d.In(4097))
	q.Kick()
	time.Sleep(20 * time.Millisecond)
	if q.UsedIndex() != 0 {
		t.Error("4096 bytes passed a limit of 1 a second")
	}
	dev.SetLimit(throttle.Limit{})
	if _, n := q.WaitUsed(); n != 4097 {
		t.Errorf("%d bytes", n)
	}
}

// Many requests of all kinds at once, and resets in between.
func TestStorm(t *testing.T) {
	over, err := blk.NewOverlay(newRAM(1<<20), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer over.Close()
	d := newDriver(t, blk.Config{Disk: over, Queues: 2}, 0)
	rewind := d.Rewind()
	for range 20 {
		for range 100 {
			q := d.Queue(rand.IntN(2))
			sector := uint64(rand.IntN(2048 - 16))
			switch rand.IntN(4) {
			case 0:
				q.AddIndirect(d.Out(header(typeIn, sector)), d.In(4097))
			case 1:
				q.AddIndirect(d.Out(header(typeOut, sector)), d.Out(make([]byte, 4096)), d.In(1))
			case 2:
				q.AddIndirect(d.Out(header(typeDiscard, 0)), d.Out(span(sector, 16, 0)), d.In(1))
			case 3:
				q.AddIndirect(d.Out(header(typeZeroes, 0)), d.Out(span(sector, 16, 1)), d.In(1))
			}
			q.Kick()
		}
		d.SetReg(drive.Status, 0)
		rewind()
		d.Start(0)
	}
}
