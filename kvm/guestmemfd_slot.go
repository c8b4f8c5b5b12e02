package kvm

import (
	"sync"

	"linuxkvm/uapi"
)

// What a memory slot wants of a guest_memfd. A slot without one has a nil.

func (s *MemorySlot) checkGuestMemfd(vm *VM) error {
	switch g := s.GuestMemfd; {
	case g == nil && s.Flags&uapi.MemGuestMemfd != 0:
		return invalid("memory slot %d: MemGuestMemfd without a GuestMemfd", s.Slot)
	case g == nil:
		return nil
	case g.core == nil:
		return invalid("memory slot %d: a GuestMemfd that CreateGuestMemfd did not make", s.Slot)
	case g.c().vm != vm.c().vmState:
		return invalid("memory slot %d: the guest_memfd belongs to another VM: make it with CreateGuestMemfd of this one", s.Slot)
	default:
		return g.checkRange(s.GuestMemfdOffset, s.Size)
	}
}

// with calls do with the descriptor, which stays open for the call, or with -1
// for none.
func (g *GuestMemfd) with(req uapi.VMIoctl, do func(fd int) error) error {
	if g == nil {
		return do(-1)
	}
	fd, ok := g.c().fd.Acquire()
	if !ok {
		return opError(req, ErrClosed)
	}
	defer g.c().fd.Release()
	return do(fd)
}

// guestMemfdPin keeps a guest_memfd open until it is released.
type guestMemfdPin struct {
	once sync.Once
	core *guestMemfdCore
}

// pin returns nil for none.
func (g *GuestMemfd) pin() (*guestMemfdPin, error) {
	if g == nil {
		return nil, nil
	}
	c := g.c()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fd.Closed() {
		return nil, ErrClosed
	}
	c.pins++
	return &guestMemfdPin{core: c}, nil
}

func (p *guestMemfdPin) release() {
	if p == nil {
		return
	}
	p.once.Do(func() {
		p.core.mu.Lock()
		defer p.core.mu.Unlock()
		p.core.pins--
	})
}
