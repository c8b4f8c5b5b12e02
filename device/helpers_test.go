package device

import (
	"errors"
	"sync"
	"testing"
	"time"
)

// guest accesses a device the way a driver does.
type guest struct{ d Device }

func (g guest) in(reg uint64) uint8 {
	var p [1]byte
	g.d.Read(reg, p[:])
	return p[0]
}

func (g guest) out(reg uint64, v uint8) { g.d.Write(reg, []byte{v}) }

// testLine is an interrupt line that records what happens to it.
type testLine struct {
	mu    sync.Mutex
	high  bool
	edges int           // rising
	rise  chan struct{} // one token when the line rose since the last receive
	fail  error
}

func newTestLine() *testLine { return &testLine{rise: make(chan struct{}, 1)} }

func (l *testLine) SetLevel(high bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fail != nil {
		return l.fail
	}
	if high == l.high {
		return errors.New("the level did not change")
	}
	if l.high = high; high {
		l.edges++
		signal(l.rise)
	}
	return nil
}

func (l *testLine) level() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.high
}

func (l *testLine) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.edges
}

func wantHex(t testing.TB, what string, got, want uint8) {
	t.Helper()
	if got != want {
		t.Errorf("%s = %#02x, want %#02x", what, got, want)
	}
}

// within fails the test when c is not closed, or sent to, in good time.
func within[T any](t testing.TB, what string, c <-chan T) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(20 * time.Second):
		t.Fatalf("%s: nothing for 20 s", what)
	}
}
