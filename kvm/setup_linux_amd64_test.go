package kvm

import (
	"errors"
	"math"
	"syscall"
	"testing"

	"linuxkvm/uapi"
)

func TestAddressesForRealMode(t *testing.T) {
	vm := newTestVM(t)
	must(t, vm.SetTSSAddr(0xfffbd000))
	wantError(t, vm.SetTSSAddr(math.MaxUint64), syscall.EINVAL)
	needCap(t, vm, uapi.CapSetIdentityMapAddr, "2.6.32")
	must(t, vm.SetIdentityMapAddr(0xfffbc000))
	newTestVCPU(t, vm)
	wantError(t, vm.SetIdentityMapAddr(0xfffbc000), syscall.EINVAL)
}

func TestSetBootCPUID(t *testing.T) {
	vm := newTestVM(t)
	must(t, vm.CreateIRQChip())
	must(t, vm.SetBootCPUID(1))
	wantError(t, vm.SetBootCPUID(-1), ErrInvalid)
	second := newTestVCPU(t, vm, 1)
	first := newTestVCPU(t, vm, 0)
	for v, want := range map[*VCPU]uint32{second: uapi.MPStateRunnable, first: uapi.MPStateUninitialized} {
		if state, err := v.MPState(); err != nil || state != want {
			t.Errorf("vCPU %d: state %d, %v; want %d", v.ID(), state, err, want)
		}
	}
	wantError(t, vm.SetBootCPUID(0), syscall.EBUSY)
}

func TestNrMMUPages(t *testing.T) {
	vm := newTestVM(t)
	must(t, vm.SetNrMMUPages(1024))
	if err := vm.SetNrMMUPages(1); err == nil {
		t.Error("KVM took a limit of one page")
	}
	switch n, err := vm.NrMMUPages(); {
	case errors.Is(err, ErrNotSupported):
	case err != nil || n != 1024:
		t.Errorf("got %d, %v; want 1024", n, err)
	}
}

func TestClockRoundTrip(t *testing.T) {
	vm := newTestVM(t)
	needCap(t, vm, uapi.CapAdjustClock, "2.6.33")
	const hour = 3600e9
	must(t, vm.SetClock(&uapi.ClockData{Clock: hour}))
	clock, err := vm.Clock()
	must(t, err)
	if clock.Clock < hour || clock.Clock > 2*hour {
		t.Errorf("clock is %d ns after it was set to %d", clock.Clock, uint64(hour))
	}
	wantError(t, vm.SetClock(nil), ErrInvalid)
	wantError(t, vm.SetClock(&uapi.ClockData{Flags: 1 << 31}), syscall.EINVAL)
	flags, err := vm.CheckExtension(uapi.CapAdjustClock)
	must(t, err)
	if flags&uapi.ClockRealtime != 0 && clock.Flags&uapi.ClockRealtime != 0 && clock.Realtime == 0 {
		t.Error("the clock has a wall clock of 0")
	}
}

func TestTSCKHz(t *testing.T) {
	vm := newTestVM(t)
	needCap(t, vm, uapi.CapGetTSCKHz, "3.0")
	v := newTestVCPU(t, vm)
	khz, err := v.TSCKHz()
	must(t, err)
	if khz < 100_000 || khz > 20_000_000 {
		t.Errorf("the TSC runs at %d kHz", khz)
	}
	must(t, v.SetTSCKHz(khz)) // its own, which needs no scaling
}

func TestTSCKHzOfAVM(t *testing.T) {
	vm := newTestVM(t)
	if _, err := vm.TSCKHz(); err != nil {
		wantError(t, err, ErrNotSupported, "KVM_CAP_VM_TSC_CONTROL", "5.18")
	}
	if olderKernel(t, "5.18") {
		return
	}
	khz, err := vm.TSCKHz()
	must(t, err)
	must(t, vm.SetTSCKHz(khz))               // its own, which needs no scaling
	needCap(t, vm, uapi.CapVMTSCControl, "") // TSC scaling is the processor's
	must(t, vm.SetTSCKHz(khz/2))
	if got, err := newTestVCPU(t, vm).TSCKHz(); err != nil || got != khz/2 {
		t.Errorf("a new vCPU has %d kHz, %v; want %d", got, err, khz/2)
	}
}

func TestKVMClockCtrlWithoutKVMClock(t *testing.T) {
	v := newTestVCPU(t, newTestVM(t))
	wantError(t, v.KVMClockCtrl(), syscall.EINVAL, "KVM_KVMCLOCK_CTRL")
}

// The guest sees in its clock that it was paused.
func TestKVMClockCtrl(t *testing.T) {
	_, v, r := newGuest(t, 0xf4, 0xf4) // hlt; hlt
	const systemTime, enable = 0x4b564d01, 1
	const clock, flags, paused = 0x3000, 29, 2
	must(t, v.SetMSR(systemTime, clock|enable))
	for _, want := range []byte{0, paused} {
		if want != 0 {
			must(t, v.KVMClockCtrl())
		}
		runUntil(t, v, uapi.ExitHLT)
		var b [1]byte
		_, err := r.ReadAt(b[:], clock+flags)
		must(t, err)
		if b[0]&paused != want {
			t.Errorf("flags of the guest's clock: %#x, want %#x", b[0], want)
		}
	}
}

func TestSMI(t *testing.T) {
	vm := newTestVM(t)
	v := newTestVCPU(t, vm)
	err := v.SMI()
	if n, _ := vm.CheckExtension(uapi.CapX86SMM); n == 0 {
		wantError(t, err, ErrNotSupported, "KVM_CAP_X86_SMM", "4.2")
	}
	needCap(t, vm, uapi.CapX86SMM, "") // a matter of the kernel's configuration
	must(t, err)
}

func TestInterruptWithoutController(t *testing.T) {
	_, v, r := newGuest(t,
		0xfb, // sti
		0xf4, // hlt
	)
	const handler, vector = 0x2000, 0x41
	_, err := r.WriteAt([]byte{0xe6, 0x78}, handler) // out 0x78, al
	must(t, err)
	_, err = r.WriteAt([]byte{handler & 0xff, handler >> 8, 0, 0}, vector*4)
	must(t, err)
	runUntil(t, v, uapi.ExitHLT)
	must(t, v.Interrupt(vector))
	runUntil(t, v, uapi.ExitIO)
	wantError(t, v.Interrupt(1<<31), syscall.EINVAL)
}

func TestInterruptWithController(t *testing.T) {
	v := newTestVCPU(t, newIRQChipVM(t))
	wantError(t, v.Interrupt(0x20), syscall.ENXIO)
}

func TestTranslateRealMode(t *testing.T) {
	_, v, _ := newGuest(t, 0xf4)
	for gva, want := range map[uint64]uint64{0x1234: 0x1234, 0xf000: 0xf000} {
		tr, err := v.Translate(gva)
		must(t, err)
		if tr.Valid == 0 || tr.PhysicalAddress != want {
			t.Errorf("%#x: %+v, want %#x", gva, tr, want)
		}
	}
}

func TestTPRAccessReporting(t *testing.T) {
	vm := newIRQChipVM(t)
	needCap(t, vm, uapi.CapVAPIC, "2.6.25")
	addMemory(t, vm, 0, 0, 0, 0x10000)
	v := newTestVCPU(t, vm)
	must(t, v.SetTPRAccessReporting(true))
	must(t, v.SetTPRAccessReporting(false))
	must(t, v.SetVAPICAddr(0x3000))
	must(t, v.SetVAPICAddr(0))
	// It must be in RAM.
	if err := v.SetVAPICAddr(1 << 40); err == nil {
		t.Error("KVM took an address outside of RAM")
	}
}
