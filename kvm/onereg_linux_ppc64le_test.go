package kvm

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"linuxkvm/uapi"
)

// settable is a register of one type with a value that it takes as it is.
type settable func(*testing.T, *VCPU)

func sets[T uapi.RegValue](id uapi.RegID[T], value T) settable {
	return func(t *testing.T, v *VCPU) {
		t.Helper()
		name := uapi.Reg(id).String()
		if !strings.HasPrefix(name, "KVM_REG_PPC_") {
			t.Errorf("register %#x prints as %s", uint64(id), name)
		}
		if err := SetOneReg(v, id, value); err != nil {
			t.Errorf("set %s: %v", name, err)
			return
		}
		if got, err := GetOneReg(v, id); err != nil || fmt.Sprint(got) != fmt.Sprint(value) {
			t.Errorf("%s is %#x, %v; want %#x", name, got, err, value)
		}
	}
}

func TestPPCRegistersKeepValues(t *testing.T) {
	v := newTestVCPU(t, newTestVM(t))
	const n = 0x1122334455667780
	for _, set := range []settable{
		sets(uapi.RegPPCDscr, n), sets(uapi.RegPPCPurr, n), sets(uapi.RegPPCSpurr, n),
		sets(uapi.RegPPCDAR, n), sets(uapi.RegPPCDSISR, 0x42000000), sets(uapi.RegPPCAmr, n), sets(uapi.RegPPCUamor, n),
		sets(uapi.RegPPCMmcr0, n), sets(uapi.RegPPCMmcr1, n), sets(uapi.RegPPCMmcra, n), sets(uapi.RegPPCMmcr2, n),
		sets(uapi.RegPPCSiar, n), sets(uapi.RegPPCSdar, n), sets(uapi.RegPPCSier, n),
		sets(uapi.RegPPCPmc1, 11), sets(uapi.RegPPCPmc2, 12), sets(uapi.RegPPCPmc3, 13),
		sets(uapi.RegPPCPmc4, 14), sets(uapi.RegPPCPmc5, 15), sets(uapi.RegPPCPmc6, 16),
		sets(uapi.RegPPCFPR0, n), sets(uapi.RegPPCFPR31, n+1), sets(uapi.RegPPCFpscr, 0x83),
		sets(uapi.RegPPCVR0, [2]uint64{1, 2}), sets(uapi.RegPPCVR31, [2]uint64{3, 4}),
		sets(uapi.RegPPCVsr1, [2]uint64{5, 6}), sets(uapi.RegPPCVsr31, [2]uint64{7, 8}),
		sets(uapi.RegPPCVscr, 1), sets(uapi.RegPPCVrsave, 77),
		sets(uapi.RegPPCFscr, n), sets(uapi.RegPPCPspb, 99), sets(uapi.RegPPCEbbhr, n), sets(uapi.RegPPCEbbrr, n),
		sets(uapi.RegPPCBescr, n), sets(uapi.RegPPCTar, n), sets(uapi.RegPPCDawrx, 0x11), sets(uapi.RegPPCDawr, n&^7),
		sets(uapi.RegPPCCiabr, n), sets(uapi.RegPPCIc, n), sets(uapi.RegPPCVtb, n),
		sets(uapi.RegPPCPID, 7), sets(uapi.RegPPCTidr, 5), sets(uapi.RegPPCPsscr, 0x10),
		sets(uapi.RegPPCPpr, n), sets(uapi.RegPPCDecExpiry, n), sets(uapi.RegPPCOnline, 1),
		sets(uapi.RegPPCTBOffset, 1<<30), sets(uapi.RegPPCIamr, n),
	} {
		set(t, v)
	}
	// A floating-point register is half of a vector-scalar one.
	if fpr, err := GetOneReg(v, uapi.RegPPCFPR31); err != nil || fpr != 8 {
		t.Errorf("FPR31 is %#x, %v; want 8, of VSR31", fpr, err)
	}
	_, err := GetOneReg(v, uapi.RegPPCMas0) // of embedded processors
	wantError(t, err, syscall.EINVAL)
}

// The areas that a guest shares with its hypervisor are given by the guest, or here
// after a migration.
func TestPPCVPARegisters(t *testing.T) {
	vm := newTestVM(t)
	addMemory(t, vm, 0, 0, 0, 0x20000)
	v := newTestVCPU(t, vm)
	wantError(t, SetOneReg(v, uapi.RegPPCVpaSLB, [2]uint64{0x3000, 0x280}), syscall.EINVAL) // the other one is first
	for _, set := range []settable{
		sets(uapi.RegPPCVpaAddr, 0x2000), sets(uapi.RegPPCVpaSLB, [2]uint64{0x3000, 0x280}), sets(uapi.RegPPCVpaDtl, [2]uint64{0x4000, 0x600}),
	} {
		set(t, v)
	}
}

func TestPPCRegsRoundTrip(t *testing.T) {
	v := newTestVCPU(t, newTestVM(t))
	want := uapi.Regs{PC: 0x1000, CR: 0x12345678, CTR: 1, LR: 2, XER: 3, MSR: msrSF | msrME,
		SRR0: 4, SRR1: 5, SPRG0: 7, SPRG1: 8, SPRG2: 9, SPRG3: 10}
	for i := range want.GPR {
		want.GPR[i] = 100 + uint64(i)
	}
	must(t, v.SetRegs(&want))
	got, err := v.Regs()
	must(t, err)
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	sregs, err := v.Sregs()
	must(t, err)
	must(t, v.SetSregs(&sregs))
	sregs.PVR ^= 1 // another processor
	wantError(t, v.SetSregs(&sregs), syscall.EINVAL)
}
