package kvm

import (
	"slices"
	"strings"
	"syscall"
	"testing"

	"linuxkvm/uapi"
)

// oneReg is GetOneReg for a register that is there.
func oneReg[T uapi.RegValue](tb testing.TB, v *VCPU, id uapi.RegID[T]) T {
	tb.Helper()
	value, err := GetOneReg(v, id)
	if err != nil {
		tb.Errorf("%v: %v", id.Reg(), err)
	}
	return value
}

// setTo sets a register and wants it back.
func setTo[T interface {
	uapi.RegValue
	comparable
}](tb testing.TB, v *VCPU, id uapi.RegID[T], value T) {
	tb.Helper()
	if err := SetOneReg(v, id, value); err != nil {
		tb.Errorf("%v: %v", id.Reg(), err)
		return
	}
	if got := oneReg(tb, v, id); got != value {
		tb.Errorf("%v is %v after it was set to %v", id.Reg(), got, value)
	}
}

// The list has every kind of register, and what it has can be read and put back.
func TestArmRegListRoundTrip(t *testing.T) {
	v := newTestVCPU(t, newTestVM(t))
	list, err := v.RegList()
	must(t, err)
	for _, id := range list {
		buf := make([]byte, id.Size())
		if err := v.OneReg(uint64(id), buf); err != nil {
			t.Errorf("%v: %v", id, err)
			continue
		}
		if err := v.SetOneReg(uint64(id), buf); err != nil {
			t.Errorf("%v cannot be set to what it is, % x: %v", id, buf, err)
		}
	}
	var names []string
	for _, id := range list {
		names = append(names, id.String())
	}
	t.Logf("%d registers", len(names))
	for _, want := range []uapi.Reg{
		uapi.RegArmCorePC.Reg(), uapi.RegArmCoreVregs31.Reg(), uapi.RegArmCoreFpcr.Reg(), uapi.RegArm64SysregSCTLREL1.Reg(),
		uapi.RegArm64SysregMPIDREL1.Reg(), uapi.RegArmTimerCnt.Reg(), uapi.RegArmTimerCval.Reg(), uapi.RegArmPSCIVersion.Reg(),
	} {
		if !slices.Contains(list, want) {
			t.Errorf("the list has no %v", want)
		}
	}
	for _, want := range []string{"SCTLR_EL1", "KVM_REG_ARM_CORE_REG(regs.pc)", "KVM_REG_ARM_PSCI_VERSION", "KVM_REG_ARM_TIMER_CVAL"} {
		if !slices.Contains(names, want) {
			t.Errorf("no register is called %s", want)
		}
	}
}

func TestArmRegistersRoundTrip(t *testing.T) {
	v := newTestVCPU(t, newTestVM(t))
	setTo(t, v, uapi.RegArmCoreRegs0, 0x0123456789abcdef)
	setTo(t, v, uapi.RegArmCoreRegs30, 1<<63)
	setTo(t, v, uapi.RegArmCoreSP, 0x8000)
	setTo(t, v, uapi.RegArmCoreSPEL1, 0x9000)
	setTo(t, v, uapi.RegArmCorePC, 0xffff_0000_1234_5678)
	setTo(t, v, uapi.RegArmCoreVregs0, [2]uint64{1, 2})
	setTo(t, v, uapi.RegArmCoreVregs31, [2]uint64{1 << 63, 3})
	setTo(t, v, uapi.RegArmCoreFpcr, 1<<24)
	setTo(t, v, uapi.RegArmCoreFpsr, 1<<27)
	setTo(t, v, uapi.RegArm64SysregTPIDREL1, 0xdead)
	setTo(t, v, uapi.RegArm64SysregVBAREL1, 0x8000_0800)
	setTo(t, v, uapi.RegArmTimerCval, 1<<40)
	// A value of another width does not compile (TestWrongWidthDoesNotCompile), and
	// where the width is no part of the type it is refused.
	wantError(t, v.OneReg(uint64(uapi.RegArmCoreFpcr), make([]byte, 8)), ErrInvalid, "4 bytes", "8")
	wantError(t, v.SetOneReg(uint64(uapi.RegArmCoreVregs0), make([]byte, 8)), ErrInvalid, "16 bytes")
	// What KVM does not have, and what no processor can be.
	_, err := GetOneReg(v, uapi.RegArm64Sysreg5(3, 7, 15, 15, 7))
	wantError(t, err, syscall.ENOENT, "KVM_GET_ONE_REG")
	wantError(t, SetOneReg(v, uapi.RegArmCorePstate, 0x1f), syscall.EINVAL, "KVM_SET_ONE_REG")
}

// The virtual counter goes on from where it was set.
func TestArmVirtualCounter(t *testing.T) {
	v := newTestVCPU(t, newTestVM(t))
	const start = 1 << 50
	must(t, SetOneReg(v, uapi.RegArmTimerCnt, start))
	first := oneReg(t, v, uapi.RegArmTimerCnt)
	second := oneReg(t, v, uapi.RegArmTimerCnt)
	if first < start || second < first || second > start+1<<40 {
		t.Errorf("set to %#x, the counter is %#x and then %#x", uint64(start), first, second)
	}
}

// The firmware that KVM plays can be an older one.
func TestArmFirmwareRegisters(t *testing.T) {
	v := newTestVCPU(t, newTestVM(t))
	if version := oneReg(t, v, uapi.RegArmPSCIVersion); version < 1<<16 {
		t.Errorf("PSCI %#x, want 1.0 or newer", version)
	}
	setTo(t, v, uapi.RegArmPSCIVersion, 0<<16|2)
	wantError(t, SetOneReg(v, uapi.RegArmPSCIVersion, 99<<16), syscall.EINVAL)
	standard := oneReg(t, v, uapi.RegArmStdBmap) // since Linux 5.19
	setTo(t, v, uapi.RegArmStdBmap, 0)
	setTo(t, v, uapi.RegArmStdBmap, standard)
	wantError(t, SetOneReg(v, uapi.RegArmStdBmap, 1<<63), syscall.EINVAL)
}

// A vector register is as long as was asked for; what is behind is not there.
func TestArmSVE(t *testing.T) {
	vm := newTestVM(t)
	needCap(t, vm, uapi.CapArmSVE, "")
	v, err := vm.CreateVCPU(0)
	must(t, err)
	defer v.Close()
	must(t, v.ArmInit(ArmPSCI, ArmSVE))
	_, err = GetOneReg(v, uapi.RegArm64SVEZreg0)
	wantError(t, err, syscall.EPERM) // not settled yet
	lengths := oneReg(t, v, uapi.RegArm64SVEVLs)
	if lengths[0]&1 == 0 {
		t.Fatalf("vectors of 128 bits are not among the lengths: % x", lengths)
	}
	must(t, SetOneReg(v, uapi.RegArm64SVEVLs, [64]byte{1})) // 128 bits only
	must(t, v.ArmVCPUFinalize(ArmSVE))
	wantError(t, v.ArmVCPUFinalize(ArmSVE), syscall.EPERM, "KVM_ARM_VCPU_FINALIZE")
	wantError(t, SetOneReg(v, uapi.RegArm64SVEVLs, [64]byte{1}), syscall.EPERM)

	var long, want [256]byte
	for i := range long {
		long[i] = byte(i + 1)
	}
	copy(want[:16], long[:])
	must(t, SetOneReg(v, uapi.RegArm64SVEZreg0+7<<5, long))
	if got := oneReg(t, v, uapi.RegArm64SVEZregSlice(7, 0)); got != want {
		t.Errorf("Z7 is % x, want the first 128 bits of what it was set to", got[:32])
	}
	must(t, SetOneReg(v, uapi.RegArm64SVEPreg0, [32]byte{0x55, 0xaa, 0x77}))
	if got := oneReg(t, v, uapi.RegArm64SVEPregSlice(0, 0)); got != [32]byte{0x55, 0xaa} {
		t.Errorf("P0 is % x, want its first 16 bits", got[:4])
	}
	setTo(t, v, uapi.RegArm64SVEFfr0, [32]byte{0xff, 0x01})
	list, err := v.RegList()
	must(t, err)
	if slices.Contains(list, uapi.RegArmCoreVregs0.Reg()) || !slices.Contains(list, uapi.RegArm64SVEZreg0.Reg()) {
		t.Error("with SVE the list has the short vectors, or not the long ones")
	}
	for _, id := range list {
		if strings.HasPrefix(id.String(), "Reg(") {
			t.Errorf("%#x has no name", uint64(id))
		}
	}
}

// A feature register has bits that can be taken away from the guest.
func TestArmFeatureRegisterIsWritable(t *testing.T) {
	vm := newTestVM(t)
	needCap(t, vm, uapi.CapArmSupportedRegMaskRanges, "6.7")
	v := newTestVCPU(t, vm)
	masks, err := vm.ArmGetRegWritableMasks()
	must(t, err)
	id := uapi.RegArm64SysregIDAA64ISAR0EL1
	mask, ok := masks.Mask(id)
	value := oneReg(t, v, id)
	const atomics = 0xf << 20
	if !ok || mask&atomics == 0 || value&atomics == 0 {
		t.Skipf("needs a processor with atomic instructions that can be hidden (the rig's arm64-newest has one): mask %#x, value %#x", mask, value)
	}
	setTo(t, v, id, value&^atomics)
	if _, ok := masks.Mask(uapi.RegArm64SysregSCTLREL1); ok {
		t.Error("SCTLR_EL1 passes for a feature register")
	}
}
