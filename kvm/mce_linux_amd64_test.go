package kvm

import (
	"math"
	"syscall"
	"testing"

	"linuxkvm/uapi"
)

const (
	msrMCGStatus = 0x17a
	msrMC0Status = 0x401
	msrMC0Addr   = 0x402
	msrMC0Misc   = 0x403

	mceValid = 1 << 63
	mceUC    = 1 << 61
)

func newMCEVCPU(t *testing.T) *VCPU {
	t.Helper()
	vm := newTestVM(t)
	needCap(t, vm, uapi.CapMCE, "2.6.31")
	return newTestVCPU(t, vm)
}

func TestX86MCECapSupported(t *testing.T) {
	s := openSystem(t)
	needCap(t, s, uapi.CapMCE, "2.6.31")
	mcgCap, err := s.X86MCECapSupported()
	must(t, err)
	const mcgCtlP = 1 << 8
	if mcgCap&mcgCtlP == 0 {
		t.Errorf("the supported MCG_CAP is %#x, want the control register in it", mcgCap)
	}
	must(t, s.Close())
	_, err = s.X86MCECapSupported()
	wantError(t, err, ErrClosed)
}

func TestX86SetupMCE(t *testing.T) {
	v := newMCEVCPU(t)
	banks, err := v.VM().CheckExtension(uapi.CapMCE)
	must(t, err)
	must(t, v.X86SetupMCE(3))
	if mcgCap, err := v.MSR(msrMCGCap); err != nil || mcgCap != 3 {
		t.Errorf("IA32_MCG_CAP is %#x, %v; want 3 banks", mcgCap, err)
	}
	for _, wrong := range []uint64{0, uint64(banks) + 1, math.MaxUint64} {
		wantError(t, v.X86SetupMCE(wrong), syscall.EINVAL, "KVM_X86_SETUP_MCE")
	}
}

// A corrected error lands in its bank, a second one on top of it says overflow.
func TestX86SetMCE(t *testing.T) {
	v := newMCEVCPU(t)
	must(t, v.X86SetupMCE(2))
	mce := uapi.X86MCE{Status: mceValid | 0x123, Addr: 0x4000, Misc: 7, Bank: 1}
	must(t, v.X86SetMCE(&mce))
	const bank1 = 4
	for msr, want := range map[uint32]uint64{
		msrMC0Status + bank1: mce.Status, msrMC0Addr + bank1: mce.Addr, msrMC0Misc + bank1: mce.Misc,
		msrMC0Status: 0, msrMCGStatus: 0,
	} {
		if got, err := v.MSR(msr); err != nil || got != want {
			t.Errorf("MSR %#x is %#x, %v; want %#x", msr, got, err, want)
		}
	}
	must(t, v.X86SetMCE(&mce))
	const overflow = 1 << 62
	if got, err := v.MSR(msrMC0Status + bank1); err != nil || got != mce.Status|overflow {
		t.Errorf("the status after a second error is %#x, %v; want %#x", got, err, mce.Status|overflow)
	}
}

// An uncorrected error is an exception, and what shuts the guest down when it is
// not prepared for one.
func TestX86SetMCEUncorrected(t *testing.T) {
	vm, v, _ := newGuest(t, 0xf4)
	needCap(t, vm, uapi.CapMCE, "2.6.31")
	must(t, v.X86SetupMCE(1))
	const inProgress, signaled = 1 << 2, 1 << 56
	must(t, v.X86SetMCE(&uapi.X86MCE{Status: mceValid | mceUC | signaled, MCGStatus: inProgress}))
	runUntil(t, v, uapi.ExitShutdown)
}

func TestX86SetMCEWrong(t *testing.T) {
	v := newMCEVCPU(t)
	must(t, v.X86SetupMCE(2))
	wantError(t, v.X86SetMCE(nil), ErrInvalid, "KVM_X86_SET_MCE")
	wantError(t, v.X86SetMCE(&uapi.X86MCE{}), syscall.EINVAL)                             // not valid
	wantError(t, v.X86SetMCE(&uapi.X86MCE{Status: mceValid, Bank: 2}), syscall.EINVAL)    // there are 0 and 1
	wantError(t, v.X86SetMCE(&uapi.X86MCE{Status: mceValid, Bank: 0xff}), syscall.EINVAL) // far outside
	must(t, v.Close())
	wantError(t, v.X86SetMCE(&uapi.X86MCE{Status: mceValid}), ErrClosed)
	wantError(t, v.X86SetupMCE(1), ErrClosed)
}
