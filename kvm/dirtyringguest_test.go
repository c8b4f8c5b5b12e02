//go:build amd64 || arm64 || riscv64 || loong64

package kvm

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"testing"

	"linuxkvm/uapi"
)

// newRingVM is a VM with dirty rings.
func newRingVM(t *testing.T, entries int) *VM {
	t.Helper()
	vm := newTestVM(t)
	needDirtyRings(t, vm)
	c, err := vm.EnableDirtyRings(entries)
	must(t, err)
	want := uapi.CapDirtyLogRingAcqRel
	if olderKernel(t, "6.1") {
		want = uapi.CapDirtyLogRing
	}
	if c != want {
		t.Errorf("%v was enabled, want %v", c, want)
	}
	return vm
}

func TestDirtyRing(t *testing.T) {
	vm := newRingVM(t, 4096)
	v := newPagesGuest(t, vm, 3)
	seq, err := v.DirtyRing()
	must(t, err)
	want := []DirtyPage{{1, 0}, {1, 1}, {1, 2}}
	runTo(t, v, programExitReason)
	got := slices.Collect(seq)
	if !slices.Equal(got, want) {
		t.Fatalf("the guest wrote to the first 3 pages of slot 1; the ring has %v", got)
	}
	if gpa, ok := vm.DirtyPageGPA(got[2]); !ok || gpa != 0x102000 {
		t.Errorf("page 2 is at %#x, %v", gpa, ok)
	}
	runTo(t, v, programExitReason)
	if got := slices.Collect(seq); len(got) != 0 {
		t.Errorf("before they are reset, pages come again: %v", got)
	}
	if n, err := vm.ResetDirtyRings(); n != 3 || err != nil {
		t.Errorf("ResetDirtyRings = %d, %v; 3 were collected", n, err)
	}
	runTo(t, v, programExitReason)
	if got := slices.Collect(seq); !slices.Equal(got, want) {
		t.Errorf("after they are reset, the ring has %v", got)
	}
	if _, err := vm.ResetDirtyRings(); err != nil {
		t.Error(err)
	}
	if n, err := vm.ResetDirtyRings(); n != 0 || err != nil {
		t.Errorf("resetting nothing = %d, %v", n, err)
	}
	_, err = vm.DirtyLog(1)
	wantError(t, err, syscall.ENXIO)
	for _, bad := range []DirtyPage{{1, 256}, {2, 0}, {1, 1<<64 - 1}, {1<<32 - 1, 0}} {
		if gpa, ok := vm.DirtyPageGPA(bad); ok {
			t.Errorf("%+v is at %#x", bad, gpa)
		}
	}
}

// What KVM writes on the guest's behalf is in the ring too.
func TestDirtyRingOfEmulatedWrites(t *testing.T) {
	vm := newRingVM(t, 4096)
	r := addMemory(t, vm, 3, uapi.MemLogDirtyPages, 0, 0x10000)
	v := newTestVCPU(t, vm)
	must(t, startProgram(v, r, programWriter))
	seq, err := v.DirtyRing()
	must(t, err)
	runDone(t, v)
	got := slices.Collect(seq)
	if !slices.Contains(got, DirtyPage{3, 2}) || !slices.Contains(got, DirtyPage{3, 4}) {
		t.Fatalf("the guest wrote to pages 2 and 4 of slot 3; the ring has %v", got)
	}
	if n, err := vm.ResetDirtyRings(); n != len(got) || err != nil {
		t.Errorf("ResetDirtyRings = %d, %v; %d were collected", n, err, len(got))
	}
}

// newPagesGuest is a guest whose 1 MiB from counterAddr on is slot 1, which is
// logged. It writes to the first pages of that.
func newPagesGuest(t *testing.T, vm *VM, pages uint32) *VCPU {
	t.Helper()
	r := addMemory(t, vm, 0, 0, 0, 0x10000)
	addMemory(t, vm, 1, uapi.MemLogDirtyPages, counterAddr, 0x100000)
	v := newTestVCPU(t, vm)
	must(t, startUserProgram(v, r, programPages(pages)))
	return v
}

// needDirtyRings skips a test where there are none. arm64 and others have only
// those for whom memory is ordered by hand.
func needDirtyRings(t *testing.T, vm extensions) {
	t.Helper()
	needPrograms(t)
	if runtime.GOARCH == "amd64" {
		needCap(t, vm, uapi.CapDirtyLogRing, "5.11")
		return
	}
	needCap(t, vm, uapi.CapDirtyLogRingAcqRel, map[string]string{"arm64": "6.2"}[runtime.GOARCH])
}

func TestDirtyRingsFill(t *testing.T) {
	vm := newTestVM(t)
	needDirtyRings(t, vm)
	// KVM keeps as much in reserve as the processor logs by itself.
	entries := 128
	for ; ; entries *= 2 {
		if _, err := vm.EnableDirtyRings(entries); err == nil {
			break
		} else if entries == 4096 {
			t.Fatal(err)
		}
	}
	if entries > 256 {
		t.Skipf("the smallest ring here has %d entries, and the guest writes to 256 pages: processors without a dirty log of their own have smaller ones (the rig has one: make test-lanes)", entries)
	}
	v := newPagesGuest(t, vm, 256)
	seq, err := v.DirtyRing()
	must(t, err)
	pages := map[uint64]bool{}
	for full := 0; ; {
		exit, err := v.Run()
		must(t, err)
		for p := range seq {
			// The page whose write met the full ring comes again.
			if p.Slot != 1 {
				t.Errorf("%+v is not of the logged slot", p)
			}
			pages[p.Offset] = true
		}
		_, err = vm.ResetDirtyRings()
		must(t, err)
		switch {
		case exit.DirtyRingFull():
			full++
		case exit.Reason() == programExitReason:
			if full == 0 || len(pages) != 256 {
				t.Errorf("%d pages of 256, and the ring of %d was full %d times", len(pages), entries, full)
			}
			return
		case exit.Reason() != uapi.ExitIntr:
			t.Fatalf("exit reason %v", exit.Reason())
		}
	}
}

// One goroutine runs the guest, others collect and reset: no page is lost.
func TestDirtyRingWhileTheGuestRuns(t *testing.T) {
	vm := newRingVM(t, 4096)
	v := newPagesGuest(t, vm, 256)
	seq, err := v.DirtyRing()
	must(t, err)
	var (
		mu    sync.Mutex
		pages = map[DirtyPage]int{}
		wg    sync.WaitGroup
	)
	stop := make(chan struct{})
	collect := func() {
		for p := range seq {
			mu.Lock()
			pages[p]++
			mu.Unlock()
		}
		if _, err := vm.ResetDirtyRings(); err != nil {
			t.Errorf("ResetDirtyRings: %v", err)
		}
	}
	for range 2 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					collect()
				}
			}
		})
	}
	rounds := 0
	err = v.Loop(context.Background(), func(e Exit) error {
		switch {
		case e.Reason() == programExitReason:
			if rounds++; rounds == 20 {
				return ErrStop
			}
		case e.Reason() != uapi.ExitIntr && !e.DirtyRingFull():
			return fmt.Errorf("exit reason %v", e.Reason())
		}
		return nil
	})
	close(stop)
	wg.Wait()
	must(t, err)
	collect()
	if len(pages) != 256 {
		t.Errorf("%d pages of 256", len(pages))
	}
}

func TestDirtyRingRefusals(t *testing.T) {
	vm := newTestVM(t)
	needDirtyRings(t, vm)
	for _, n := range []int{-1, 0, 1, 128, 4095, 4097, 1 << 20, 1 << 60, -1 << 63} {
		_, err := vm.EnableDirtyRings(n)
		wantError(t, err, ErrInvalid, fmt.Sprint(n), "power of two")
	}
	v := newTestVCPU(t, vm)
	_, err := vm.EnableDirtyRings(4096)
	wantError(t, err, syscall.EINVAL, "KVM_ENABLE_CAP") // there is a vCPU
	_, err = v.DirtyRing()
	wantError(t, err, ErrInvalid, "EnableDirtyRings")
	_, err = vm.ResetDirtyRings()
	wantError(t, err, syscall.EINVAL, "KVM_RESET_DIRTY_RINGS")
	must(t, v.Close())
	_, err = v.DirtyRing()
	wantError(t, err, ErrClosed)

	vm = newRingVM(t, 4096)
	_, err = vm.EnableDirtyRings(4096)
	wantError(t, err, syscall.EINVAL)
	if err := vm.EnableDirtyRingsWithBitmap(); err != nil {
		wantError(t, err, ErrNotSupported, "KVM_CAP_DIRTY_LOG_RING_WITH_BITMAP", "6.2")
	}
	must(t, vm.Close())
	_, err = vm.EnableDirtyRings(4096)
	wantError(t, err, ErrClosed)
	wantError(t, vm.EnableDirtyRingsWithBitmap(), ErrClosed)
	_, err = vm.ResetDirtyRings()
	wantError(t, err, ErrClosed)
}

// The ring's mapping goes with the vCPU's descriptor, and not before a collector
// has left it.
func TestDirtyRingCloseWhileCollecting(t *testing.T) {
	for range scale(t, 200, 20) {
		vm := newRingVM(t, 4096)
		v := newPagesGuest(t, vm, 256)
		runTo(t, v, programExitReason)
		seq, err := v.DirtyRing()
		must(t, err)
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				for {
					_ = slices.Collect(seq)
					if _, err := v.DirtyRing(); errors.Is(err, ErrClosed) {
						return
					}
				}
			})
		}
		must(t, v.Close())
		wg.Wait()
		must(t, vm.Close())
	}
}

// Whoever comes first: with rings every vCPU has one.
func TestDirtyRingsAndVCPUsAtOnce(t *testing.T) {
	needDirtyRings(t, openSystem(t))
	enabled := 0
	for range scale(t, 200, 20) {
		vm := newTestVM(t)
		var wg sync.WaitGroup
		var enable, create error
		var v *VCPU
		wg.Go(func() { _, enable = vm.EnableDirtyRings(4096) })
		wg.Go(func() { v, create = vm.CreateVCPU(0) })
		wg.Wait()
		must(t, create)
		_, err := v.DirtyRing()
		if (enable == nil) != (err == nil) {
			t.Errorf("EnableDirtyRings: %v; DirtyRing: %v", enable, err)
		}
		if enable == nil {
			enabled++
		}
		must(t, v.Close())
		must(t, vm.Close())
	}
	t.Logf("enabled first %d times", enabled)
}
