package sys

import "sync/atomic"

// Guard counts the users of one resource and remembers that it was closed.
// The zero value is open, with no users.
//
// The one who makes it closed with no users left (the closer itself, or the
// last user after it) is told so, exactly once, and destroys the resource.
type Guard struct {
	// The low 63 bits count users, the top bit says closed.
	state atomic.Uint64
}

const guardClosed = 1 << 63

// Acquire enters the resource. It reports false, and enters nothing, when the
// resource is closed.
func (g *Guard) Acquire() bool {
	for {
		old := g.state.Load()
		if old&guardClosed != 0 {
			return false
		}
		if g.state.CompareAndSwap(old, old+1) {
			return true
		}
	}
}

// Release leaves the resource. It reports true to the last user of a closed
// resource, who must destroy it.
func (g *Guard) Release() (destroy bool) {
	return g.state.Add(^uint64(0)) == guardClosed
}

// Close refuses all later users. first is true for the one call that closed
// the resource; destroy is true when nobody is inside, and then that caller
// must destroy it.
func (g *Guard) Close() (first, destroy bool) {
	old := g.state.Or(guardClosed)
	return old&guardClosed == 0, old == 0
}

// Closed reports whether Close was called.
func (g *Guard) Closed() bool {
	return g.state.Load()&guardClosed != 0
}
