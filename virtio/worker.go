package virtio

import (
	"sync"
	"sync/atomic"
	"time"
)

// slowRequest is when a request has waited for something, and was not only worked on.
const slowRequest = time.Millisecond

// Worker is one of several that serve a queue, and take turns: the one that has the
// turn waits for chains and handles them. To wake another costs more than most requests
// do. So it hands the turn on before it handles a chain only if more of them wait by
// then, if the last one took long, or if the handler knows that this one will.
//
// A request is never handed from one goroutine to another.
type Worker struct {
	queue *Queue
	turn  *sync.Mutex
	slow  *atomic.Bool // the request that ended last was
	has   bool         // the turn
}

// Workers makes n workers, to be run on a goroutine each. Nobody else may call Next.
func (q *Queue) Workers(n int) []*Worker {
	turn, slow := new(sync.Mutex), new(atomic.Bool)
	all := make([]*Worker, n)
	for i := range all {
		all[i] = &Worker{queue: q, turn: turn, slow: slow}
	}
	return all
}

// Serve hands each chain to handle, which returns how many bytes of Writable it has
// written, and releases it, until the queue is stopped or broken or handle returns
// false, which leaves the chain.
func (w *Worker) Serve(handle func(*Chain) (written int, ok bool)) {
	defer w.PassOn()
	for w.serveOne(handle) {
	}
}

func (w *Worker) serveOne(handle func(*Chain) (int, bool)) bool {
	if !w.has {
		w.turn.Lock()
		w.has = true
	}
	c, err := w.queue.Next()
	if err != nil {
		return false // stopped, or broken, which the transport knows
	}
	if w.slow.Load() || w.queue.waiting() {
		w.PassOn()
	}
	start := time.Now()
	n, ok := handle(c)
	ok = ok && c.Release(n) == nil
	w.slow.Store(time.Since(start) > slowRequest)
	return ok
}

// PassOn has another worker wait for chains from now on. A handler calls it before it
// does what may take long. Calling it again does nothing.
func (w *Worker) PassOn() {
	if w.has {
		w.has = false
		w.turn.Unlock()
	}
}

// waiting reports whether there are more chains. It is for who may call Next.
func (q *Queue) waiting() bool {
	n, err := q.available()
	return err == nil && n > 0 // an error is Next's to tell
}
