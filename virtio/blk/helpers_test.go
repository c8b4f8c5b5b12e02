package blk_test

import (
	"encoding/binary"
	"sync"
	"testing"

	"linuxkvm/virtio/blk"
	"linuxkvm/virtio/internal/drive"
)

// Types and statuses of requests.
const (
	typeIn, typeOut, typeFlush, typeGetID, typeDiscard, typeZeroes = 0, 1, 4, 8, 11, 13

	ok, ioErr, unsupp = 0, 1, 2
)

// ram is a Disk in memory that counts, and fails when told to.
type ram struct {
	mu      sync.Mutex
	bytes   []byte
	flushes int
	fail    error
}

func newRAM(size int) *ram { return &ram{bytes: make([]byte, size)} }

func (r *ram) Size() int64 { return int64(len(r.bytes)) }

func (r *ram) ReadAt(p []byte, off int64) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail != nil {
		return 0, r.fail
	}
	return copy(p, r.bytes[off:off+int64(len(p))]), nil
}

func (r *ram) WriteAt(p []byte, off int64) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail != nil {
		return 0, r.fail
	}
	return copy(r.bytes[off:off+int64(len(p))], p), nil
}

func (r *ram) Flush() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.flushes++
	return r.fail
}

func (r *ram) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.flushes
}

// forgetful is a ram that can discard and write zeros.
type forgetful struct {
	*ram
	discarded, zeroed, unmapped int64
	refuse                      error
}

func (f *forgetful) Discard(_, n int64) error {
	f.discarded += n
	return f.refuse
}

func (f *forgetful) WriteZeroes(off, n int64, unmap bool) error {
	if f.refuse != nil {
		return f.refuse
	}
	f.zeroed += n
	if unmap {
		f.unmapped += n
	}
	clear(f.bytes[off : off+n])
	return nil
}

// newDriver makes a device and starts its driver.
func newDriver(t testing.TB, cfg blk.Config, without uint64) *drive.Driver {
	t.Helper()
	dev, err := blk.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	d := drive.New(t, dev)
	d.Start(without)
	return d
}

// header encodes the head of a request.
func header(kind uint32, sector uint64) []byte {
	b := binary.LittleEndian.AppendUint32(nil, kind)
	b = binary.LittleEndian.AppendUint32(b, 0)
	return binary.LittleEndian.AppendUint64(b, sector)
}

// request sends one request in pieces as a driver does, and returns what came in,
// and the status.
func request(d *drive.Driver, kind uint32, sector uint64, out []byte, in int) ([]byte, byte) {
	d.T.Helper()
	defer d.Rewind()()
	buffers := []drive.Buffer{d.Out(header(kind, sector))}
	if len(out) > 0 {
		buffers = append(buffers, d.Out(out))
	}
	data, status := d.In(in), d.In(1)
	if in > 0 {
		buffers = append(buffers, data)
	}
	d.Put(status.GPA, []byte{0xff})
	q := d.Queue(0)
	q.AddIndirect(append(buffers, status)...)
	q.Kick()
	q.WaitUsed()
	return d.Get(data.GPA, in), d.Get(status.GPA, 1)[0]
}

// span encodes a range to discard or to zero.
func span(sector uint64, n, flags uint32) []byte {
	b := binary.LittleEndian.AppendUint64(nil, sector)
	b = binary.LittleEndian.AppendUint32(b, n)
	return binary.LittleEndian.AppendUint32(b, flags)
}

func wantStatus(t *testing.T, what string, got, want byte) {
	t.Helper()
	if got != want {
		t.Errorf("%s: status %d, want %d", what, got, want)
	}
}
