package kvm

import (
	"errors"
	"math"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"linuxkvm/memory"
	"linuxkvm/uapi"
)

const sharedFlags = uapi.GuestMemfdFlagMmap | uapi.GuestMemfdFlagInitShared

// newGuestMemfdT makes a guest_memfd that is closed at the end of the test, after
// its VM.
func newGuestMemfdT(t *testing.T, vm *VM, size, flags uint64) *GuestMemfd {
	t.Helper()
	needCap(t, vm, uapi.CapGuestMemfd, "")
	if flags != 0 {
		needCap(t, vm, uapi.CapGuestMemfdFlags, "6.18")
	}
	g, err := vm.CreateGuestMemfd(size, flags)
	must(t, err)
	made.note(t, g.core.fd)
	t.Cleanup(func() {
		vm.Close()
		if err := g.Close(); err != nil {
			t.Errorf("closing a guest_memfd after its VM: %v", err)
		}
	})
	return g
}

func mapT(t *testing.T, vm *VM, g *GuestMemfd) *memory.Region {
	t.Helper()
	r, err := g.Map()
	must(t, err)
	t.Cleanup(func() {
		vm.Close()
		if err := r.Close(); err != nil {
			t.Errorf("closing the mapping of a guest_memfd after its VM: %v", err)
		}
	})
	return r
}

func TestGuestMemfdIsTheGuestsMemory(t *testing.T) {
	needPrograms(t)
	vm := newTestVM(t)
	g := newGuestMemfdT(t, vm, 0x20000, sharedFlags)
	r := mapT(t, vm, g)
	// The second half of it is the guest's memory from 0 on.
	must(t, vm.SetUserMemoryRegion2(MemorySlot{Slot: 1, Region: r, Offset: 0x10000, GuestMemfd: g, GuestMemfdOffset: 0x10000}))
	v := newTestVCPU(t, vm)
	startProgramAt(t, v, r, 0x10000, programWriter)
	runDone(t, v)
	b := make([]byte, 1)
	for _, off := range []int64{0x12000, 0x14010} {
		if _, err := r.ReadAt(b, off); err != nil || b[0] != 1 {
			t.Errorf("the guest wrote 1 at %#x, the host reads %d, %v", off, b[0], err)
		}
	}
	must(t, g.PunchHole(0x12000, 0x1000))
	if _, err := r.ReadAt(b, 0x12000); err != nil || b[0] != 0 {
		t.Errorf("after a hole is punched the host reads %d, %v", b[0], err)
	}
	if _, err := r.ReadAt(b, 0x14010); err != nil || b[0] != 1 {
		t.Errorf("beside the hole the host reads %d, %v", b[0], err)
	}
	runDone(t, v)
	if _, err := r.ReadAt(b, 0x12000); err != nil || b[0] != 1 {
		t.Errorf("the guest wrote 1 into the hole, the host reads %d, %v", b[0], err)
	}

	// A slot with it can only be emptied.
	wantError(t, vm.SetUserMemoryRegion2(MemorySlot{Slot: 1, Region: r, GPA: 0x100000, GuestMemfd: g, Size: 0x10000}), syscall.EINVAL)
	// Nor can the same pages be in two.
	err := vm.SetUserMemoryRegion2(MemorySlot{Slot: 2, Region: r, GPA: 0x100000, GuestMemfd: g})
	if !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.EEXIST) { // Linux 6.18 and 7.2
		t.Errorf("pages that are in a slot were put into another: %v", err)
	}
	must(t, vm.SetUserMemoryRegion2(MemorySlot{Slot: 2, Region: r, GPA: 0x100000, GuestMemfd: g, Size: 0x10000}))
	wantError(t, g.Close(), ErrInUse)
	wantError(t, r.Close(), memory.ErrInUse)
	must(t, vm.DeleteMemoryRegion(1))
	wantError(t, g.Close(), ErrInUse)
	must(t, vm.DeleteMemoryRegion(2))
	must(t, g.Close())
	must(t, g.Close())
	// What is mapped lives on.
	if _, err := r.ReadAt(b, 0x14010); err != nil || b[0] != 1 {
		t.Errorf("after Close of the descriptor the host reads %d, %v", b[0], err)
	}
	must(t, r.Close())
}

func TestGuestMemfdRefusals(t *testing.T) {
	vm := newTestVM(t)
	for _, size := range []uint64{0, 1, 0x1001, math.MaxUint64, 1 << 63, math.MaxInt64} {
		_, err := vm.CreateGuestMemfd(size, 0)
		wantError(t, err, ErrInvalid, "KVM_CREATE_GUEST_MEMFD", "page size")
	}
	g := newGuestMemfdT(t, vm, 0x10000, 0)
	if g.Size() != 0x10000 || g.Flags() != 0 {
		t.Errorf("size %#x, flags %#x", g.Size(), g.Flags())
	}
	_, err := vm.CreateGuestMemfd(0x1000, math.MaxUint64)
	if !errors.Is(err, syscall.EINVAL) && !errors.Is(err, ErrNotSupported) {
		t.Errorf("all flags: %v", err)
	}
	_, err = g.Map()
	wantError(t, err, ErrInvalid, "GuestMemfdFlagInitShared")
	for _, bad := range [][2]uint64{
		{0, 0}, {1, 0x1000}, {0, 1}, {0, 0x11000}, {0x10000, 0x1000}, {0xf000, 0x2000},
		{math.MaxUint64 &^ 0xfff, 0x1000}, {0x1000, math.MaxUint64 &^ 0xfff}, {1 << 63, 1 << 63},
	} {
		wantError(t, g.Allocate(bad[0], bad[1]), ErrInvalid, "guest_memfd")
		wantError(t, g.PunchHole(bad[0], bad[1]), ErrInvalid, "guest_memfd")
	}
	must(t, g.Allocate(0, 0x10000))
	must(t, g.PunchHole(0xf000, 0x1000))

	r, err := memory.New(0x20000)
	must(t, err)
	t.Cleanup(func() { vm.Close(); must(t, r.Close()) })
	elsewhere := newTestVM(t)
	for _, bad := range []MemorySlot{
		{Region: r, Flags: uapi.MemGuestMemfd},
		{Region: r, GuestMemfd: &GuestMemfd{}},
		{Region: r, GuestMemfd: g}, // larger
		{Region: r, GuestMemfd: g, Size: 0x10000, GuestMemfdOffset: 0x1000},
		{Region: r, GuestMemfd: g, Size: 0x1000, GuestMemfdOffset: 1},
		{Region: r, GuestMemfd: g, Size: 0x1000, GuestMemfdOffset: 1 << 63},
		{Region: r, GuestMemfd: g, Size: 0x1000, GuestMemfdOffset: math.MaxUint64 &^ 0xfff},
	} {
		wantError(t, vm.SetUserMemoryRegion2(bad), ErrInvalid)
	}
	wantError(t, elsewhere.SetUserMemoryRegion2(MemorySlot{Region: r, GuestMemfd: g, Size: 0x1000}), ErrInvalid, "another VM")
	wantError(t, vm.SetUserMemoryRegion(0, uapi.MemGuestMemfd, 0, r), ErrInvalid)

	must(t, g.Close())
	wantError(t, g.Allocate(0, 0x1000), ErrClosed)
	wantError(t, vm.SetUserMemoryRegion2(MemorySlot{Region: r, GuestMemfd: g, Size: 0x1000}), ErrClosed)
	must(t, r.Close()) // what failed does not hold it
	must(t, vm.Close())
	_, err = vm.CreateGuestMemfd(0x1000, 0)
	wantError(t, err, ErrClosed)

	vm = newTestVM(t)
	g = newGuestMemfdT(t, vm, 0x10000, sharedFlags)
	must(t, g.Close())
	_, err = g.Map()
	wantError(t, err, ErrClosed)
}

// A program that this one starts must not have it.
func TestDescriptorsAreCloseOnExec(t *testing.T) {
	vm := newTestVM(t)
	g := newGuestMemfdT(t, vm, 0x1000, 0)
	s, err := vm.StatsFD()
	must(t, err)
	t.Cleanup(func() { s.Close() })
	for name, f := range map[string]interface {
		Acquire() (int, bool)
		Release()
	}{"guest_memfd": g.core.fd, "statistics": s.fd} {
		fd, ok := f.Acquire()
		if !ok {
			t.Fatal("closed")
		}
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		f.Release()
		if err != nil || flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("%s: descriptor flags %#x, %v", name, flags, err)
		}
	}
}

// Close in every order: the memory in the slots stays until the kernel's VM is
// gone, which a guest_memfd and its mapping keep.
func TestGuestMemfdCloseInEveryOrder(t *testing.T) {
	needShared(t)
	sys := openSystem(t)
	before := len(resources())
	for _, order := range orders("vcgmr") {
		s := newSharedStack(t, sys)
		closed := map[byte]bool{}
		for i := range len(order) {
			name := order[i]
			err := s.closer(name)()
			closed[name] = err == nil
			gone := closed['v'] && closed['c'] // nothing can use the slots any more
			switch name {
			case 'g', 'm':
				if gone != (err == nil) || err != nil && !errors.Is(err, ErrInUse) {
					t.Errorf("order %s: closing %c: %v", order, name, err)
				}
			case 'r':
				if all := gone && closed['g'] && closed['m']; all != (err == nil) || err != nil && !errors.Is(err, ErrInUse) {
					t.Errorf("order %s: closing %c: %v", order, name, err)
				}
			default:
				must(t, err)
			}
		}
		for _, name := range []byte("gmr") {
			must(t, s.closer(name)())
		}
	}
	// The ranges of mappings stay, but they are private.
	if after := len(resources()); after != before {
		t.Errorf("%d descriptors and shared mappings before, %d after", before, after)
	}
}

func needShared(t *testing.T) {
	t.Helper()
	vm := newTestVM(t)
	needCap(t, vm, uapi.CapGuestMemfd, "")
	needCap(t, vm, uapi.CapGuestMemfdFlags, "6.18")
}

// sharedStack is a VM with a slot of its guest_memfd and one of ordinary memory.
type sharedStack struct {
	vm             *VM
	vcpu           *VCPU
	g              *GuestMemfd
	mapped, region *memory.Region
}

func newSharedStack(t *testing.T, sys *System) *sharedStack {
	t.Helper()
	s := &sharedStack{}
	var err error
	s.vm, err = sys.CreateVM()
	must(t, err)
	s.vcpu, err = s.vm.CreateVCPU(0)
	must(t, err)
	s.g, err = s.vm.CreateGuestMemfd(0x10000, sharedFlags)
	must(t, err)
	s.mapped, err = s.g.Map()
	must(t, err)
	s.region, err = memory.New(0x10000)
	must(t, err)
	must(t, s.vm.SetUserMemoryRegion2(MemorySlot{Slot: 0, Region: s.mapped, GuestMemfd: s.g}))
	must(t, s.vm.SetUserMemoryRegion(1, 0, 0x100000, s.region))
	return s
}

func (s *sharedStack) closer(name byte) func() error {
	switch name {
	case 'v':
		return s.vm.Close
	case 'c':
		return s.vcpu.Close
	case 'g':
		return s.g.Close
	case 'm':
		return s.mapped.Close
	default:
		return s.region.Close
	}
}

func TestForgottenGuestMemfdIsClosed(t *testing.T) {
	needShared(t)
	count := func() int {
		n := 0
		for name := range resources() {
			if strings.Contains(name, "kvm") || strings.Contains(name, "gmem") || strings.Contains(name, "guest_memfd") {
				n++
			}
		}
		return n
	}
	sys := openSystem(t)
	before := count()
	for range 10 {
		newSharedStack(t, sys) // and forget it
	}
	eventually(t, "the collector", func() bool {
		runtime.GC()
		return count() <= before
	})
}

func TestGuestMemfdCloseAllAtOnce(t *testing.T) {
	needShared(t)
	sys := openSystem(t)
	for range scale(t, 100, 5) {
		s := newSharedStack(t, sys)
		var wg sync.WaitGroup
		for _, name := range []byte("vcgmrvcgmr") {
			wg.Go(func() {
				if err := s.closer(name)(); err != nil && !errors.Is(err, ErrInUse) {
					t.Errorf("closing %c: %v", name, err)
				}
			})
		}
		wg.Go(func() {
			g2, err := s.vm.CreateGuestMemfd(0x1000, 0)
			if err == nil {
				err = g2.Close()
			}
			if err != nil && !errors.Is(err, ErrClosed) {
				t.Error(err)
			}
		})
		wg.Go(func() {
			if r, err := s.g.Map(); err == nil {
				must(t, r.Close())
			} else if !errors.Is(err, ErrClosed) {
				t.Error(err)
			}
		})
		wg.Wait()
		for _, name := range []byte("gmr") {
			must(t, s.closer(name)())
		}
	}
}

func TestMemoryAttributes(t *testing.T) {
	vm := newTestVM(t)
	for _, bad := range [][2]uint64{{0, 0}, {1, 0x1000}, {0x1000, 1}, {math.MaxUint64 &^ 0xfff, 0x1000}, {1 << 63, 1 << 63}} {
		wantError(t, vm.SetMemoryAttributes(bad[0], bad[1], 0), ErrInvalid, "KVM_SET_MEMORY_ATTRIBUTES")
	}
	addMemory(t, vm, 0, 0, 0, 0x10000)
	n, err := vm.CheckExtension(uapi.CapMemoryAttributes)
	must(t, err)
	if n&uapi.MemoryAttributePrivate == 0 {
		err := vm.SetMemoryPrivate(0, 0x10000)
		wantError(t, err, ErrNotSupported, "KVM_CAP_MEMORY_ATTRIBUTES", "6.8")
		wantError(t, vm.SetMemoryShared(0, 0x10000), ErrNotSupported)
		return
	}
	wantError(t, vm.SetMemoryAttributes(0, 0x10000, math.MaxUint64), syscall.EINVAL)
}
