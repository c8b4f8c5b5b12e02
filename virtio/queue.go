package virtio

import (
	"encoding/binary"
	"errors"
	"sync"
	"sync/atomic"
)

// QueueConfig is what the driver has set up.
type QueueConfig struct {
	// Size is the number of descriptors, a power of 2.
	Size uint16
	// Desc, Avail and Used are the guest-physical addresses of the table of
	// descriptors, of the ring of available chains and of that of used ones.
	Desc, Avail, Used uint64
	// Indirect and EventIdx say that these features were negotiated.
	Indirect, EventIdx bool
}

// MaxQueueSize is the largest size of a split queue.
const MaxQueueSize = 1 << 15

// check refuses what section 2.7 does.
func (c *QueueConfig) check() error {
	switch {
	case c.Size == 0 || c.Size > MaxQueueSize || c.Size&(c.Size-1) != 0:
		return broken("a queue of %d descriptors: want a power of 2 up to %d", c.Size, MaxQueueSize)
	case c.Desc%16 != 0:
		return broken("a table of descriptors at %#x: want a multiple of 16", c.Desc)
	case c.Avail%2 != 0:
		return broken("an available ring at %#x: want a multiple of 2", c.Avail)
	case c.Used%4 != 0:
		return broken("a used ring at %#x: want a multiple of 4", c.Used)
	}
	return nil
}

// The rings (sections 2.7.6 and 2.7.8): flags, index, entries, event index.
const (
	ringFlags   = 0
	ringIndex   = 2
	ringEntries = 4

	availEntry = 2
	usedEntry  = 8

	noInterrupt = 1 // flag of the available ring
	noNotify    = 1 // flag of the used ring
)

// Doorbell is how a queue learns that there are chains: an eventfd that the guest's
// write of QueueNotify signals. A *kvm.EventFD is one.
type Doorbell interface {
	// Signal ends one Wait, now or later.
	Signal() error
	// Wait blocks until Signal was called since the last Wait.
	Wait() (uint64, error)
}

// Queue is a split queue from the device's side. Next is for one goroutine at a
// time; chains may be released by any.
type Queue struct {
	cfg       QueueConfig
	mem       Memory
	bell      Doorbell
	interrupt func()
	onBroken  func(error)

	next     uint16 // index in the available ring
	quiet    bool   // the driver was told not to notify
	stopped  atomic.Bool
	failure  atomic.Pointer[error]
	freeLock sync.Mutex
	free     []*Chain

	mu    sync.Mutex // orders those who give chains back
	used  uint16
	entry [usedEntry]byte // to write from
}

// Size returns the number of descriptors.
func (q *Queue) Size() int { return int(q.cfg.Size) }

// Next waits for a chain and returns it. When the queue is stopped it returns
// ErrStopped; when the driver breaks the rules, an error that wraps ErrBroken, and
// the device needs a reset from then on.
func (q *Queue) Next() (*Chain, error) {
	for {
		c, err := q.TryNext()
		if c != nil || err != nil {
			return c, err
		}
		if err := q.wait(); err != nil {
			return nil, err
		}
	}
}

// TryNext is Next that does not wait: nil if there is no chain. The driver does not
// notify of the next one unless Next, or Arm, follows.
func (q *Queue) TryNext() (*Chain, error) {
	if q.stopped.Load() {
		return nil, ErrStopped
	}
	if p := q.failure.Load(); p != nil {
		return nil, *p
	}
	c, err := q.take()
	if err != nil {
		q.Break(err)
	}
	return c, err
}

// take returns the next chain that is available, or nil.
func (q *Queue) take() (*Chain, error) {
	n, err := q.available()
	if n == 0 || err != nil {
		return nil, err
	}
	slot := uint64(q.next % q.cfg.Size)
	head, err := q.mem.LoadUint16(q.cfg.Avail + ringEntries + availEntry*slot)
	if err != nil {
		return nil, broken("the available ring: %v", err)
	}
	c := q.newChain(head)
	own := table{q.cfg.Desc, uint32(q.cfg.Size)}
	if err := c.walk(q.mem, own, head); err != nil {
		return nil, err
	}
	q.next++
	return c, nil
}

// available returns how many chains the driver has made available.
func (q *Queue) available() (uint16, error) {
	index, err := q.mem.LoadUint16(q.cfg.Avail + ringIndex)
	if err != nil {
		return 0, broken("the available ring: %v", err)
	}
	n := index - q.next
	if n > q.cfg.Size {
		return 0, broken("%d chains available in a queue of %d", n, q.cfg.Size)
	}
	return n, nil
}

// push puts a chain into the used ring and interrupts the driver if it wants that.
func (q *Queue) push(c *Chain, written uint32) error {
	q.mu.Lock()
	err := q.putUsed(0, c.head, written)
	wanted := false
	if err == nil {
		wanted, err = q.publish(1)
	}
	q.mu.Unlock()
	q.recycle(c)
	return q.pushed(wanted, err)
}

// pushed ends what gives chains back.
func (q *Queue) pushed(interrupt bool, err error) error {
	if err != nil {
		if !errors.Is(err, ErrStopped) {
			q.Break(err)
		}
		return err
	}
	if interrupt {
		q.interrupt()
	}
	return nil
}

// putUsed writes the entry that is n after the last published one. Locked.
func (q *Queue) putUsed(n int, head uint16, written uint32) error {
	if q.stopped.Load() {
		return ErrStopped
	}
	entry := q.entry[:]
	binary.LittleEndian.PutUint32(entry[0:], uint32(head))
	binary.LittleEndian.PutUint32(entry[4:], written)
	slot := uint64((q.used + uint16(n)) % q.cfg.Size)
	if _, err := q.mem.WriteAt(entry, int64(q.cfg.Used+ringEntries+usedEntry*slot)); err != nil {
		return broken("the used ring: %v", err)
	}
	return nil
}

// publish shows the driver n entries at once. Locked.
func (q *Queue) publish(n int) (interrupt bool, err error) {
	q.used += uint16(n)
	// The index comes after the entries: the store orders them.
	if err := q.mem.StoreUint16(q.cfg.Used+ringIndex, q.used); err != nil {
		return false, broken("the used ring: %v", err)
	}
	return q.wantsInterrupt(uint16(n))
}

// Break says that the device cannot go on with this driver; it needs a reset.
func (q *Queue) Break(err error) {
	if q.failure.CompareAndSwap(nil, &err) {
		q.onBroken(err)
	}
}

// stop ends Next, and has Release do nothing.
func (q *Queue) stop() error {
	q.mu.Lock()
	q.stopped.Store(true)
	q.mu.Unlock()
	return q.bell.Signal()
}

// newChain takes a chain from those released.
func (q *Queue) newChain(head uint16) *Chain {
	q.freeLock.Lock()
	defer q.freeLock.Unlock()
	var c *Chain
	if n := len(q.free); n > 0 {
		c, q.free = q.free[n-1], q.free[:n-1]
	} else {
		c = new(Chain)
	}
	c.reset(q, head)
	return c
}

func (q *Queue) recycle(c *Chain) {
	q.freeLock.Lock()
	defer q.freeLock.Unlock()
	q.free = append(q.free, c)
}
