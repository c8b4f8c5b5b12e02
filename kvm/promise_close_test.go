package kvm

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"linuxkvm/memory"
	"linuxkvm/uapi"
)

// stack is one of everything, to be closed in any order.
type stack struct {
	sys    *System
	vm     *VM
	vcpu   *VCPU
	region *memory.Region
}

func newStack(tb testing.TB) *stack {
	tb.Helper()
	needPrograms(tb)
	s := &stack{}
	var err error
	s.sys, err = Open()
	if err != nil {
		skip(tb, "needs a usable /dev/kvm (the rig has one: make test-lanes): %v", err)
	}
	s.vm, err = s.sys.CreateVM()
	must(tb, err)
	s.region, err = memory.New(0x10000)
	must(tb, err)
	must(tb, s.vm.SetUserMemoryRegion(0, 0, 0, s.region))
	s.vcpu, err = s.vm.CreateVCPU(0)
	must(tb, err)
	must(tb, startUserProgram(s.vcpu, s.region, programScribbler))
	return s
}

// start runs the vCPU until it is closed, and returns when the guest writes.
func (s *stack) start(tb testing.TB) (wait func()) {
	tb.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		err := s.vcpu.Loop(context.Background(), func(e Exit) error {
			if e.Reason() != uapi.ExitIntr {
				return fmt.Errorf("exit reason %v", e.Reason())
			}
			return nil
		})
		if !errors.Is(err, ErrClosed) {
			tb.Errorf("Loop = %v, want ErrClosed", err)
		}
	}()
	eventually(tb, "the guest's first write", func() bool {
		v, err := s.region.LoadUint64(scribbledFrom)
		return err != nil || v != 0
	})
	return func() {
		select {
		case <-done:
		case <-time.After(20 * time.Second):
			panic("a Loop goes on after Close of its vCPU\n" + string(allStacks()))
		}
	}
}

// closers are what can be closed, by the letter that the orders are spelled with.
func (s *stack) closer(name byte) func() error {
	switch name {
	case 's':
		return s.sys.Close
	case 'v':
		return s.vm.Close
	case 'c':
		return s.vcpu.Close
	default:
		return s.region.Close
	}
}

// orders are all orders of the letters.
func orders(letters string) []string {
	if len(letters) < 2 {
		return []string{letters}
	}
	var list []string
	for i := range letters {
		for _, rest := range orders(letters[:i] + letters[i+1:]) {
			list = append(list, letters[i:i+1]+rest)
		}
	}
	return list
}

func TestPromiseCloseInEveryOrder(t *testing.T) {
	newStack(t).closeAll(t) // so that what opens once in a process is open
	before := measureUsage(t)
	canaries := 0
	for range scale(t, 10, 1) {
		for _, order := range orders("svcr") {
			for _, running := range []bool{false, true} {
				if s := newStack(t); s.closeInOrder(t, order, running) {
					canaries++
				}
			}
		}
	}
	after := measureUsage(t)
	if after.fds != before.fds || after.mappings != before.mappings {
		t.Errorf("before: %+v; after: %+v", before, after)
	}
	t.Logf("before: %+v; after: %+v; %d canaries stood where the guest's memory had been", before, after, canaries)
	if canaries == 0 {
		t.Error("no canary stood where the guest's memory had been: the test proves less than it says")
	}
}

func (s *stack) closeAll(tb testing.TB) {
	for _, name := range []byte("scvr") {
		must(tb, s.closer(name)())
	}
}

// closeInOrder reports whether the canary came to stand at the guest's address.
func (s *stack) closeInOrder(t *testing.T, order string, running bool) bool {
	t.Helper()
	wait := func() {}
	if running {
		wait = s.start(t)
	}
	addr := s.region.Addr()
	closed := map[byte]bool{}
	for i := range len(order) {
		name := order[i]
		err := s.closer(name)()
		closed[name] = true
		switch {
		case name == 'r' && !(closed['v'] && closed['c']):
			// The guest can still reach it.
			wantError(t, err, memory.ErrInUse)
		case name == 'r' && errors.Is(err, memory.ErrInUse) && running:
			// The Loop is on its way out.
		case err != nil:
			t.Errorf("order %s: closing %c: %v", order, name, err)
		}
	}
	return s.replaceRegion(t, addr, wait)
}

// replaceRegion closes the region as soon as that can be done, maps other memory
// at once, most likely at the same address, and watches that nobody writes to it.
func (s *stack) replaceRegion(t *testing.T, addr uintptr, wait func()) bool {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; runtime.Gosched() {
		err := s.region.Close()
		if err == nil {
			break
		}
		if !errors.Is(err, memory.ErrInUse) || time.Now().After(deadline) {
			t.Fatalf("closing the region after everything else: %v", err)
		}
	}
	canary, err := memory.New(0x10000)
	must(t, err)
	defer func() { must(t, canary.Close()) }()
	wait()
	for off := uint64(0); off < canary.Size(); off += 8 {
		if v, err := canary.LoadUint64(off); err != nil || v != 0 {
			t.Fatalf("new memory at %#x has %#x at offset %#x (%v): the guest wrote to it", canary.Addr(), v, off, err)
		}
	}
	_, err = s.region.ReadAt(make([]byte, 1), 0)
	wantError(t, err, ErrClosed)
	_, err = s.vcpu.Run()
	wantError(t, err, ErrClosed)
	_, err = s.vm.CreateVCPU(1)
	wantError(t, err, ErrClosed)
	return canary.Addr() == addr
}

// Everything at once, from many goroutines, while the vCPU runs and others use
// what is closed.
func TestPromiseCloseAllAtOnce(t *testing.T) {
	newStack(t).closeAll(t)
	before := measureUsage(t)
	var rounds atomic.Int64
	watchdog(t, "rounds", &rounds)
	for range scale(t, 200, 5) {
		s := newStack(t)
		addr := s.region.Addr()
		wait := s.start(t)
		var closing, using sync.WaitGroup
		begin := make(chan struct{})
		for _, name := range []byte("svcrsvcr") {
			pause := time.Duration(rand.IntN(200)) * time.Microsecond
			closing.Go(func() {
				<-begin
				time.Sleep(pause)
				if err := s.closer(name)(); err != nil && !errors.Is(err, memory.ErrInUse) {
					t.Errorf("closing %c: %v", name, err)
				}
			})
		}
		for _, use := range s.uses() {
			using.Go(func() {
				<-begin
				for {
					err := use()
					if errors.Is(err, ErrClosed) {
						return
					}
					if err != nil {
						t.Errorf("a call while others close: %v", err)
						return
					}
					runtime.Gosched()
				}
			})
		}
		close(begin)
		closing.Wait()
		s.replaceRegion(t, addr, wait)
		using.Wait()
		rounds.Add(1)
	}
	after := measureUsage(t)
	if after.fds != before.fds || after.mappings != before.mappings {
		t.Errorf("before: %+v; after: %+v", before, after)
	}
	t.Logf("before: %+v; after: %+v", before, after)
}

// uses are calls that are made while what they use is being closed.
func (s *stack) uses() []func() error {
	var p [16]byte
	return []func() error{
		func() error { _, err := s.sys.CheckExtension(uapi.CapUserMemory); return err },
		func() error { _, err := s.vm.CheckExtension(uapi.CapUserMemory); return err },
		s.vcpu.Kick,
		func() error { return s.vcpu.KickWait(context.Background()) },
		func() error { _, err := s.vcpu.RunState(); return err },
		func() error { _, err := s.region.ReadAt(p[:], scribbledFrom); return err },
		func() error {
			if err := s.vcpu.Kick(); err != nil {
				return err
			}
			return readState(s.vcpu)
		},
	}
}

// A slot that is emptied while the guest writes to it: from then on the guest
// cannot reach the memory, whoever has the address by then.
func TestPromiseEmptiedSlotIsOutOfReach(t *testing.T) {
	needPrograms(t)
	needSoundNesting(t, "a processor may go on with translations that the host has taken back")
	sys := openSystem(t)
	vm, err := sys.CreateVM()
	must(t, err)
	defer vm.Close()
	code, err := memory.New(0x10000)
	must(t, err)
	defer func() { vm.Close(); must(t, code.Close()) }()
	must(t, vm.SetUserMemoryRegion(0, 0, 0, code))
	v, err := vm.CreateVCPU(0)
	must(t, err)
	defer v.Close()
	must(t, startUserProgram(v, code, programCounter))
	var exits atomic.Int64
	watchdog(t, "exits", &exits)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- v.Loop(ctx, func(e Exit) error {
			exits.Add(1)
			if r := e.Reason(); r != uapi.ExitMMIO && r != uapi.ExitIntr {
				return fmt.Errorf("exit reason %v", r)
			}
			return nil
		})
	}()
	same := 0
	for range scale(t, 300, 10) {
		r, err := memory.New(os.Getpagesize())
		must(t, err)
		must(t, vm.SetUserMemoryRegion(1, 0, counterAddr, r))
		eventually(t, "the guest's write", func() bool {
			n, _ := r.LoadUint32(0)
			return n != 0
		})
		wantError(t, r.Close(), memory.ErrInUse)
		must(t, vm.DeleteMemoryRegion(1))
		addr := r.Addr()
		must(t, r.Close())
		canary, err := memory.New(os.Getpagesize())
		must(t, err)
		if canary.Addr() == addr {
			same++
		}
		seen := exits.Load()
		eventually(t, "an exit", func() bool { return exits.Load() > seen+2 })
		if n, err := canary.LoadUint32(0); n != 0 || err != nil {
			t.Errorf("the guest wrote %d to memory that is not its own (%v)", n, err)
		}
		must(t, canary.Close())
	}
	cancel()
	wantError(t, <-done, context.Canceled)
	v.Close()
	t.Logf("%d canaries stood where the guest's memory had been", same)
	if same == 0 {
		t.Error("no canary stood where the guest's memory had been: the test proves less than it says")
	}
}

// What is forgotten is closed by the garbage collector, and never while in use.
func TestPromiseForgottenIsClosed(t *testing.T) {
	count := func() int { return strings.Count(strings.Join(keys(resources()), "\n"), "kvm") }
	before := count()
	for range 20 {
		s := newStack(t)
		s.start(t)
		must(t, s.vcpu.Close())
	}
	for range 20 {
		newStack(t) // and forget it
	}
	eventually(t, "the collector", func() bool {
		runtime.GC()
		return count() <= before
	})
}

func keys(m map[string]bool) []string {
	var list []string
	for k := range m {
		list = append(list, k)
	}
	return list
}
