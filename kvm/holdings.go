package kvm

import (
	"slices"
	"sync"
)

// holdings is what the kernel's VM goes on using after a call, apart from the
// memory in its slots: it is let go when the kernel has other uses, or no VM.
type holdings struct {
	mu sync.Mutex
	m  map[any][]holding
}

// holding is one such thing.
type holding struct {
	what    any
	release func()
}

func (h holding) free() {
	if h.release != nil {
		h.release()
	}
}

// replace issues a call that makes the kernel use h in place of what is held for
// key; a zero h is for nothing. A call that fails has no effect, or, where halfway
// is true, may have made the kernel take h and not let go of the old. The caller
// keeps the VM there for the call.
func (s *holdings) replace(key any, h holding, halfway bool, call func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := call()
	switch {
	case err == nil:
		s.drop(key)
		s.add(key, h)
	case halfway:
		s.add(key, h)
	default:
		h.free()
	}
	return err
}

// join issues a call that makes the kernel use h besides what is held for key. A
// call that fails has no effect.
func (s *holdings) join(key any, h holding, call func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := call()
	if err != nil {
		h.free()
		return err
	}
	s.add(key, h)
	return nil
}

// leave issues a call that ends one use of what is held for key.
func (s *holdings) leave(key any, call func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := call(); err != nil {
		return err
	}
	if list := s.m[key]; len(list) > 0 {
		list[0].free()
		s.m[key] = slices.Delete(list, 0, 1)
	}
	return nil
}

// each calls look with everything that is held for key, the oldest first.
func (s *holdings) each(key any, look func(what any)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.m[key] {
		look(h.what)
	}
}

// releaseAll is called when the kernel's VM is gone.
func (s *holdings) releaseAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key := range s.m {
		s.drop(key)
	}
}

func (s *holdings) add(key any, h holding) {
	if h.release == nil {
		return
	}
	if s.m == nil {
		s.m = make(map[any][]holding)
	}
	s.m[key] = append(s.m[key], h)
}

func (s *holdings) drop(key any) {
	for _, h := range s.m[key] {
		h.free()
	}
	delete(s.m, key)
}
