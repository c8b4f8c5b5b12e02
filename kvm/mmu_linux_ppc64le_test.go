package kvm

import (
	"encoding/binary"
	"errors"
	"syscall"
	"testing"

	"linuxkvm/uapi"
)

func TestPPCSMMUInfo(t *testing.T) {
	vm := newTestVM(t)
	needCap(t, vm, uapi.CapPPCGetSMMUInfo, "3.5")
	info, err := vm.PPCSMMUInfo()
	must(t, err)
	if info.SLBSize == 0 || info.SPs[0].PageShift == 0 {
		t.Errorf("%d SLB entries, segment page shift %d", info.SLBSize, info.SPs[0].PageShift)
	}
	for i, s := range info.SPs {
		if i > 0 && s.PageShift != 0 && s.PageShift <= info.SPs[i-1].PageShift {
			t.Errorf("page shifts %d, then %d: want ascending ones", info.SPs[i-1].PageShift, s.PageShift)
		}
		if s.PageShift != 0 && s.Enc[0].PageShift < s.PageShift {
			t.Errorf("segments of shift %d have pages of shift %d", s.PageShift, s.Enc[0].PageShift)
		}
	}
}

func TestPPCRMMUInfo(t *testing.T) {
	vm := newTestVM(t)
	needCap(t, vm, uapi.CapPPCMMURadix, "")
	info, err := vm.PPCRMMUInfo()
	must(t, err)
	g := info.Geometries[0]
	bits := int(g.PageShift)
	for _, n := range g.LevelBits {
		bits += int(n)
	}
	if g.PageShift < 12 || bits < 40 || bits > 64 {
		t.Errorf("first geometry %+v covers %d bits", g, bits)
	}
	if shift := info.APEncodings[0] & 0x3f; shift < 12 || shift > 34 {
		t.Errorf("first page size has shift %d", shift)
	}
}

func TestPPCConfigureV3MMU(t *testing.T) {
	vm := newTestVM(t)
	needCap(t, vm, uapi.CapPPCMMURadix, "")
	const table = processTableRadix | 4 // 64 KiB at 0
	must(t, vm.PPCConfigureV3MMU(&uapi.PPCMmuv3Cfg{Flags: uapi.PPCMmuv3Radix, ProcessTable: table}))
	must(t, vm.PPCConfigureV3MMU(&uapi.PPCMmuv3Cfg{Flags: uapi.PPCMmuv3Radix | uapi.PPCMmuv3GTSE, ProcessTable: table}))
}

func TestPPCConfigureV3MMURefuses(t *testing.T) {
	vm := fakeVM(t)
	refused(t, vm.PPCConfigureV3MMU(nil), "nil")
	for _, c := range []struct {
		flags, table uint64
		word         string
	}{
		{1 << 40, 0, "0x10000000000"},
		{uapi.PPCMmuv3Radix, 4, "highest bit"},
		{0, processTableRadix, "highest bit"},
		{uapi.PPCMmuv3GTSE, processTableRadix | 4, "highest bit"},
		{uapi.PPCMmuv3Radix, processTableRadix | 25, "25"},
	} {
		refused(t, vm.PPCConfigureV3MMU(&uapi.PPCMmuv3Cfg{Flags: c.flags, ProcessTable: c.table}), c.word)
	}
	reached(t, vm.PPCConfigureV3MMU(&uapi.PPCMmuv3Cfg{ProcessTable: 24}))
}

// A hypervisor above tells what the processor does against leaks, and on a bare
// machine its firmware, unless it is QEMU's.
func TestPPCCPUChar(t *testing.T) {
	vm := newTestVM(t)
	needCap(t, vm, uapi.CapPPCGetCPUChar, "")
	c, err := vm.PPCCPUChar()
	must(t, err)
	told := !bareMachine() || exists(firmwareNode+"/fw-features")
	if known := c.CharacterMask != 0 && c.BehaviourMask != 0; known != told {
		t.Errorf("the kernel was told: %v; it knows %+v", told, c)
	}
}

// The instructions are the same everywhere, and big-endian. KVM tells them even
// where it does not say that it does: only guests of kvm-pr make such calls.
func TestPPCPVINFO(t *testing.T) {
	info, err := newTestVM(t).PPCPVINFO()
	must(t, err)
	for i, want := range []uint32{
		0x3c004b56, // lis r0, 0x4b56
		0x60004d21, // ori r0, r0, 0x4d21: "KVM!"
		0x44000002, // sc
		0x60000000, // nop
	} {
		var b [4]byte
		binary.NativeEndian.PutUint32(b[:], info.Hcall[i])
		if got := binary.BigEndian.Uint32(b[:]); got != want {
			t.Errorf("instruction %d is %#x, want %#x", i, got, want)
		}
	}
}

func TestPPCSVMOff(t *testing.T) {
	vm := newTestVM(t)
	err := vm.PPCSVMOff()
	if errors.Is(err, syscall.ENOTTY) && olderKernel(t, "5.5") {
		t.Skip("needs Linux 5.5 or newer")
	}
	must(t, err)
}
