package kvm

import (
	"slices"
	"strings"
	"syscall"
	"testing"

	"linuxkvm/uapi"
)

// The list has every kind of register, and what it has can be read and put back.
func TestRISCVRegListRoundTrip(t *testing.T) {
	vm := newTestVM(t)
	needCap(t, vm, uapi.CapOneReg, "3.4")
	v := newTestVCPU(t, vm)
	list, err := v.RegList()
	must(t, err)
	kinds := map[string]int{}
	for _, id := range list {
		name := id.String()
		kinds[strings.Join(strings.Split(name, "_")[:4], "_")]++
		buf := make([]byte, id.Size())
		if err := v.OneReg(uint64(id), buf); err != nil {
			t.Errorf("%v: %v", id, err)
			continue
		}
		// KVM takes "off" for an order to cancel a timer, and there is none to cancel.
		if id == uapi.RegRISCVTimerState.Reg() {
			continue
		}
		if err := v.SetOneReg(uint64(id), buf); err != nil {
			t.Errorf("%v cannot be set to what it is, % x: %v", id, buf, err)
		}
	}
	t.Logf("%d registers: %v", len(list), kinds)
	for _, kind := range []string{
		"KVM_REG_RISCV_CONFIG", "KVM_REG_RISCV_CORE", "KVM_REG_RISCV_CSR", "KVM_REG_RISCV_TIMER", "KVM_REG_RISCV_FP",
		"KVM_REG_RISCV_ISA", "KVM_REG_RISCV_SBI",
	} {
		if kinds[kind] == 0 {
			t.Errorf("no register of %s", kind)
		}
	}
	for _, id := range []uapi.Reg{
		uapi.RegRISCVConfigISA.Reg(), uapi.RegRISCVCorePC.Reg(), uapi.RegRISCVCoreMode.Reg(), uapi.RegRISCVCSRSatp.Reg(),
		uapi.RegRISCVTimerFrequency.Reg(), uapi.RegRISCVFPDF31.Reg(), uapi.RegRISCVFPDFCSR.Reg(),
		uapi.RegRISCVISAExtM.Reg(), uapi.RegRISCVSBIExtSrst.Reg(),
	} {
		if !slices.Contains(list, id) {
			t.Errorf("the list has no %v", id)
		}
	}
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

func TestRISCVConfigRegisters(t *testing.T) {
	_, v, _ := riscvGuest(t, riscvEnd())
	const isaIMA = 1<<8 | 1<<12 | 1<<0 // by their letters
	if isa := oneReg(t, v, uapi.RegRISCVConfigISA); isa&isaIMA != isaIMA {
		t.Errorf("isa = %#x, without one of I, M and A", isa)
	}
	setTo(t, v, uapi.RegRISCVConfigMvendorid, 0x489)
	setTo(t, v, uapi.RegRISCVConfigMarchid, 0x8000000000000007)
	setTo(t, v, uapi.RegRISCVConfigMimpid, 0x1234)
	// The host's way of translating addresses: 39, 48 or 57 bits.
	mode := oneReg(t, v, uapi.RegRISCVConfigSatpMode)
	if mode < 8 || mode > 10 {
		t.Errorf("satp_mode = %d, want 8 to 10", mode)
	}
	must(t, SetOneReg(v, uapi.RegRISCVConfigSatpMode, mode))
	wantError(t, SetOneReg(v, uapi.RegRISCVConfigSatpMode, mode+1), syscall.EINVAL)
	riscvFinish(t, v)
	must(t, SetOneReg(v, uapi.RegRISCVConfigMimpid, 0x1234))
	if err := SetOneReg(v, uapi.RegRISCVConfigMimpid, 5); err == nil {
		t.Error("mimpid was changed after the vCPU ran")
	}
}

func TestRISCVCoreRegisters(t *testing.T) {
	v := newTestVCPU(t, newTestVM(t))
	for id := uapi.RegRISCVCorePC; id <= uapi.RegRISCVCoreT6; id++ {
		setTo(t, v, id, 0x123456789abcdef0+uint64(id&0xff))
	}
	for id := uapi.RegRISCVCorePC; id <= uapi.RegRISCVCoreT6; id++ {
		if got := oneReg(t, v, id); got != 0x123456789abcdef0+uint64(id&0xff) {
			t.Errorf("%v = %#x: another register's", id.Reg(), got)
		}
	}
	setTo(t, v, uapi.RegRISCVCoreMode, uapi.RISCVModeU)
	setTo(t, v, uapi.RegRISCVCoreMode, uapi.RISCVModeS)
}

// What is set is what the guest has, and the other way round.
func TestRISCVRegistersReachTheGuest(t *testing.T) {
	const fsd = 0x27
	_, v, r := riscvGuest(t,
		setX(xA0, 0x3000),
		csrrs(xA1, 0x140, xZero), store(8, xA1, xA0, 0), // sscratch
		insnS(fsd, 3, xA0, 3, 8), // f3
		store(8, 3, xA0, 16),     // gp
		csrrs(xA2, csrTime, xZero), store(8, xA2, xA0, 24),
		csrrw(xA3, 0x140, xA0),
		addi(3, xZero, 55),
		insnI(0x07, 3, 4, xA0, 8), // fld f4, 8(a0)
		riscvEnd())
	must(t, SetOneReg(v, uapi.RegRISCVCSRSstatus, 1<<13)) // floating point is on
	must(t, SetOneReg(v, uapi.RegRISCVCSRSscratch, 0x1111222233334444))
	must(t, SetOneReg(v, uapi.RegRISCVFPDF3, 0x400921fb54442d18))
	must(t, SetOneReg(v, uapi.RegRISCVCoreGP, 0x5555))
	const start = uint64(1 << 40)
	must(t, SetOneReg(v, uapi.RegRISCVTimerTime, start))
	riscvFinish(t, v)
	for at, want := range map[uint64]uint64{0x3000: 0x1111222233334444, 0x3008: 0x400921fb54442d18, 0x3010: 0x5555} {
		if got, err := r.LoadUint64(at); err != nil || got != want {
			t.Errorf("the guest has %#x at %#x (%v), want %#x", got, at, err, want)
		}
	}
	frequency := oneReg(t, v, uapi.RegRISCVTimerFrequency)
	if now, err := r.LoadUint64(0x3018); err != nil || now < start || now > start+600*frequency {
		t.Errorf("the guest's clock says %d (%v), want a little more than %d", now, err, start)
	}
	if got := oneReg(t, v, uapi.RegRISCVCSRSscratch); got != 0x3000 {
		t.Errorf("SSCRATCH = %#x, want 0x3000", got)
	}
	if got := oneReg(t, v, uapi.RegRISCVCoreGP); got != 55 {
		t.Errorf("GP = %d, want 55", got)
	}
	if got := oneReg(t, v, uapi.RegRISCVFPDF4); got != 0x400921fb54442d18 {
		t.Errorf("F4 = %#x, want 0x400921fb54442d18", got)
	}
}

func TestRISCVCSRRegisters(t *testing.T) {
	v := newTestVCPU(t, newTestVM(t))
	for i, id := range []uapi.RegID[uint64]{
		uapi.RegRISCVCSRSstatus, uapi.RegRISCVCSRSIE, uapi.RegRISCVCSRStvec, uapi.RegRISCVCSRSscratch, uapi.RegRISCVCSRSepc,
		uapi.RegRISCVCSRScause, uapi.RegRISCVCSRStval, uapi.RegRISCVCSRSatp, uapi.RegRISCVCSRScounteren, uapi.RegRISCVCSRSenvcfg,
	} {
		setTo(t, v, id, 0x40+uint64(i)<<4)
	}
	setTo(t, v, uapi.RegRISCVCSRSip, 1<<1) // a software interrupt
	setTo(t, v, uapi.RegRISCVCSRSip, 0)
}

// Those of the interrupt controller inside the processor.
func TestRISCVAIARegisters(t *testing.T) {
	v := newTestVCPU(t, newTestVM(t))
	needISA(t, v, uapi.RegRISCVISAExtSsaia)
	setTo(t, v, uapi.RegRISCVCSRAIASiselect, 0x72)
	setTo(t, v, uapi.RegRISCVCSRAIAIprio1, 0x0102000003000400)
	setTo(t, v, uapi.RegRISCVCSRAIAIprio2, 0x0506070801020304)
}

func TestRISCVSmstateenRegister(t *testing.T) {
	v := newTestVCPU(t, newTestVM(t))
	needISA(t, v, uapi.RegRISCVISAExtSmstateen)
	setTo(t, v, uapi.RegRISCVCSRSmstateenSstateen0, 1)
}

func TestRISCVTimerRegisters(t *testing.T) {
	v := newTestVCPU(t, newTestVM(t))
	frequency := oneReg(t, v, uapi.RegRISCVTimerFrequency)
	if frequency < 1000 || frequency > 1e10 {
		t.Errorf("frequency = %d Hz", frequency)
	}
	wantError(t, SetOneReg(v, uapi.RegRISCVTimerFrequency, frequency+1), syscall.EINVAL)
	setTo(t, v, uapi.RegRISCVTimerCompare, 1<<50)
	must(t, SetOneReg(v, uapi.RegRISCVTimerTime, 1<<41))
	if now := oneReg(t, v, uapi.RegRISCVTimerTime); now < 1<<41 {
		t.Errorf("time = %d, want at least %d", now, uint64(1<<41))
	}
	if state := oneReg(t, v, uapi.RegRISCVTimerState); state != uapi.RISCVTimerStateOff {
		t.Errorf("state = %d, want off", state)
	}
}

func TestRISCVFloatRegisters(t *testing.T) {
	v := newTestVCPU(t, newTestVM(t))
	for id := uapi.RegRISCVFPDF0; id <= uapi.RegRISCVFPDF31; id++ {
		setTo(t, v, id, 0x4000000000000000+uint64(id&0xff))
	}
	setTo(t, v, uapi.RegRISCVFPDFCSR, 0x21)
	for id := uapi.RegRISCVFPFF0; id <= uapi.RegRISCVFPFF31; id++ {
		setTo(t, v, id, 0x3f800000+uint32(id&0xff))
	}
	setTo(t, v, uapi.RegRISCVFPFFCSR, 0x41)
	// Without them there are none.
	must(t, SetOneReg(v, uapi.RegRISCVISAExtD, 0))
	if _, err := GetOneReg(v, uapi.RegRISCVFPDF0); err == nil {
		t.Error("D was switched off, and its registers are there")
	}
}

func TestRISCVVectorRegisters(t *testing.T) {
	v := newTestVCPU(t, newTestVM(t))
	if has, err := GetOneReg(v, uapi.RegRISCVISAExtV); err != nil || has == 0 {
		t.Skipf("needs a processor with vectors, which the rig's is not, for docs/rig.md says why: %v", err)
	}
	if n := oneReg(t, v, uapi.RegRISCVVectorCSRVlenb); n != 16 {
		t.Skipf("needs vectors of 16 bytes, as QEMU makes them, and these have %d", n)
	}
	wantError(t, SetOneReg(v, uapi.RegRISCVVectorCSRVlenb, 32), syscall.EINVAL)
	setTo(t, v, uapi.RegRISCVVectorCSRVstart, 3)
	setTo(t, v, uapi.RegRISCVVectorCSRVL, 2)
	setTo(t, v, uapi.RegRISCVVectorCSRVtype, 0x18)
	setTo(t, v, uapi.RegRISCVVectorCSRVcsr, 1)
	for n := range 32 {
		setTo(t, v, uapi.RegRISCVVectorReg[[2]uint64](n), [2]uint64{uint64(n), ^uint64(n)})
	}
	for n := range 32 {
		if got := oneReg(t, v, uapi.RegRISCVVectorReg[[2]uint64](n)); got != [2]uint64{uint64(n), ^uint64(n)} {
			t.Errorf("V%d = %#x: another register's", n, got)
		}
	}
	wantError(t, second(GetOneReg(v, uapi.RegRISCVVectorReg[[32]byte](0))), syscall.EINVAL)
	wantError(t, SetOneReg(v, uapi.RegRISCVVectorReg[uint64](0), 1), syscall.EINVAL)
}

// Extensions of the processor can be taken from a vCPU that has not run yet, where
// hardware has a switch for them.
func TestRISCVISAExtensions(t *testing.T) {
	_, v, _ := riscvGuest(t, riscvEnd())
	const zicboz = uapi.RISCVISAExtZicboz
	needISA(t, v, uapi.RegRISCVISAExtZicboz)
	in := func(id uapi.RegID[uint64]) bool { return oneReg(t, v, id)>>zicboz&1 != 0 }
	if !in(uapi.RegRISCVISAMultiEn0) || in(uapi.RegRISCVISAMultiDis0) {
		t.Error("the bit maps do not have Zicboz")
	}
	setTo(t, v, uapi.RegRISCVISASingleReg(zicboz), 0)
	if in(uapi.RegRISCVISAMultiEn0) || !in(uapi.RegRISCVISAMultiDis0) {
		t.Error("the bit maps have Zicboz after it was switched off")
	}
	must(t, SetOneReg(v, uapi.RegRISCVISAMultiEn0, 1<<zicboz))
	if oneReg(t, v, uapi.RegRISCVISAExtZicboz) != 1 {
		t.Error("Zicboz is not back")
	}
	must(t, SetOneReg(v, uapi.RegRISCVISAMultiDis0, 1<<zicboz))
	if oneReg(t, v, uapi.RegRISCVISAExtZicboz) != 0 {
		t.Error("Zicboz is not off")
	}
	wantError(t, SetOneReg(v, uapi.RegRISCVISAExtI, 0), syscall.EINVAL) // has none
	wantError(t, SetOneReg(v, uapi.RegRISCVISASingleReg(999), 1), syscall.ENOENT)
	riscvFinish(t, v)
	must(t, SetOneReg(v, uapi.RegRISCVISAExtZicboz, 0)) // as it is
	wantError(t, SetOneReg(v, uapi.RegRISCVISAExtZicboz, 1), syscall.EBUSY)
}

// And so can those of the firmware.
func TestRISCVSBIExtensions(t *testing.T) {
	_, v, _ := riscvGuest(t, riscvEnd())
	const srst = uapi.RISCVSBIExtSrst
	if on := oneReg(t, v, uapi.RegRISCVSBIMultiEn0); on>>srst&1 == 0 {
		t.Errorf("the bit map of extensions is %#x, without SRST", on)
	}
	setTo(t, v, uapi.RegRISCVSBISingleReg(srst), 0)
	if off := oneReg(t, v, uapi.RegRISCVSBIMultiDis0); off>>srst&1 == 0 {
		t.Errorf("the bit map of what is off is %#x, without SRST", off)
	}
	must(t, SetOneReg(v, uapi.RegRISCVSBIMultiEn0, 1<<srst))
	if oneReg(t, v, uapi.RegRISCVSBIExtSrst) != 1 {
		t.Error("SRST is not back")
	}
	wantError(t, SetOneReg(v, uapi.RegRISCVSBIExtSrst, 2), syscall.EINVAL)
	riscvFinish(t, v)
	wantError(t, SetOneReg(v, uapi.RegRISCVSBIExtSrst, 0), syscall.EBUSY)
}

// Where the guest has KVM write how long it waited for a processor.
func TestRISCVStealTimeRegisters(t *testing.T) {
	_, v, _ := riscvGuest(t)
	if _, err := GetOneReg(v, uapi.RegRISCVSBIExtSta); err != nil {
		t.Skipf("needs KVM's steal time, Linux 6.8 or newer (the rig has one: make test-lanes): %v", err)
	}
	if lo, hi := oneReg(t, v, uapi.RegRISCVSBIStaShmemLo), oneReg(t, v, uapi.RegRISCVSBIStaShmemHi); lo != 1<<64-1 || hi != 0 {
		t.Errorf("the address is %#x %#x, want none, which is all ones and 0", lo, hi)
	}
	setTo(t, v, uapi.RegRISCVSBIStaShmemHi, 0)
	setTo(t, v, uapi.RegRISCVSBIStaShmemLo, 0x4000)
}

// A register whose id says another width is no register.
func TestRISCVWrongWidth(t *testing.T) {
	v := newTestVCPU(t, newTestVM(t))
	const narrow = uapi.RegRISCV | uapi.RegSizeU32
	for _, id := range []uapi.RegID[uint32]{
		narrow | uapi.RegRISCVConfig, narrow | uapi.RegRISCVCore, narrow | uapi.RegRISCVCSR, narrow | uapi.RegRISCVTimer,
		narrow | uapi.RegRISCVFPD, narrow | uapi.RegRISCVISAExt, narrow | uapi.RegRISCVSBIExt, narrow | uapi.RegRISCVSBIState,
	} {
		wantError(t, second(GetOneReg(v, id)), syscall.EINVAL, "KVM_GET_ONE_REG")
		wantError(t, SetOneReg(v, id, 0), syscall.EINVAL, "KVM_SET_ONE_REG")
	}
	wantError(t, second(GetOneReg(v, uapi.RegID[uint64](uapi.RegRISCV|uapi.RegSizeU64|uapi.RegRISCVFPF))), syscall.EINVAL)
	for _, id := range []uapi.RegID[uint64]{
		uapi.RegRISCVConfigISA + 99, uapi.RegRISCVCorePC + 99, uapi.RegRISCVCSRSstatus + 99, uapi.RegRISCVTimerTime + 99,
	} {
		wantError(t, second(GetOneReg(v, id)), syscall.ENOENT)
	}
}
