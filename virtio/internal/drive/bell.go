package drive

import (
	"errors"
	"time"
)

// Bell is a doorbell and an interrupt line without a kernel.
type Bell struct{ c chan struct{} }

// NewBell makes one that does not ring.
func NewBell() *Bell { return &Bell{make(chan struct{}, 1)} }

// Signal rings.
func (b *Bell) Signal() error {
	select {
	case b.c <- struct{}{}:
	default: // it rings already
	}
	return nil
}

// Wait waits for a ring.
func (b *Bell) Wait() (uint64, error) {
	<-b.c
	return 1, nil
}

// Within waits for a ring, but not for ever.
func (b *Bell) Within(d time.Duration) error {
	select {
	case <-b.c:
		return nil
	case <-time.After(d):
		return errors.New("no interrupt in " + d.String())
	}
}
