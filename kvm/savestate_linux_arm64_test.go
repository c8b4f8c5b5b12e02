package kvm

import (
	"encoding/binary"
	"reflect"
	"slices"
	"testing"

	"linuxkvm/memory"
	"linuxkvm/uapi"
)

// Where the guests of these tests have things.
const (
	armRAM       = 0x40000000
	savedArmCode = armRAM + 0x1000
	armData      = 0x8000 // in the RAM
	armNoRAM     = 0x50000000

	armGICD = 0x8000000
	armGICR = 0x80a0000
	armITS  = 0x8080000
)

// armLCG is lcgCode for this architecture: X0 is the number, X1 counts, X2 is the data,
// X3 and X4 are the constants, X5 is where no memory is. V1 keeps the seed.
var armLCG = []uint32{
	0x9e670001, // fmov d1, x0
	0x9b031000, // madd x0, x0, x3, x4
	0xf9000041, // str x1, [x2]
	0xf1000421, // subs x1, x1, #1
	0x54ffffa1, // b.ne to the madd
	0xf9000440, // str x0, [x2, #8]
	0x9e660026, // fmov x6, d1
	0xf9000846, // str x6, [x2, #16]
	0xf90000a0, // str x0, [x5]
	0x14000000, // b to itself
}

// armWait has the virtual timer fire in two seconds and waits for its interrupt with
// interrupts masked. It leaves the interrupt's number and the time.
var armWait = []uint32{
	0xd53be007, // mrs x7, cntfrq_el0
	0x8b0700e7, // add x7, x7, x7
	0xd53be040, // mrs x0, cntvct_el0
	0x8b070000, // add x0, x0, x7
	0xd51be340, // msr cntv_cval_el0, x0
	0xf9000c40, // str x0, [x2, #24]
	0xd2800021, // mov x1, #1
	0xd51be321, // msr cntv_ctl_el0, x1
	0xf9000841, // str x1, [x2, #16]
	0xd503207f, // wfi
	0xd538cc09, // mrs x9, icc_iar1_el1
	0xf10ffd3f, // cmp x9, #1023
	0x54ffffa0, // b.eq to the wfi
	0xd53be040, // mrs x0, cntvct_el0
	0xf9000049, // str x9, [x2]
	0xf9000440, // str x0, [x2, #8]
	0xf90000a0, // str x0, [x5]
}

// armGuest is a VM with RAM, vCPUs, and a GICv3 with an ITS.
type armGuest struct {
	vm    *VM
	ram   *memory.Region
	vcpus []*VCPU
	parts []StatePart
}

func newSavedArmGuest(tb testing.TB, vcpus int, gic bool) *armGuest {
	tb.Helper()
	g := &armGuest{vm: newTestVM(tb)}
	g.ram = addMemory(tb, g.vm, 0, 0, armRAM, 0x40000)
	for i := range vcpus {
		v := newTestVCPU(tb, g.vm, i)
		g.vcpus = append(g.vcpus, v)
		must(tb, v.ArmInit(ArmPSCI))
	}
	if gic {
		g.addGIC(tb)
	}
	return g
}

func (g *armGuest) addGIC(tb testing.TB) {
	tb.Helper()
	needDevice(tb, g.vm, uapi.DevTypeArmVGICV3, needsGICv3)
	gic, err := g.vm.CreateVGICV3()
	must(tb, err)
	tb.Cleanup(func() { gic.Close() })
	must(tb, gic.SetDistAddr(armGICD))
	must(tb, gic.SetRedistAddr(armGICR))
	must(tb, gic.SetNrIRQs(96))
	must(tb, gic.Init())
	its, err := g.vm.CreateVGICITS()
	must(tb, err)
	tb.Cleanup(func() { its.Close() })
	must(tb, its.SetAddr(armITS))
	must(tb, its.Init())
	g.parts = []StatePart{gic, its}
}

func (g *armGuest) gic() *VGICV3 { return g.parts[0].(*VGICV3) }

// start has a vCPU begin with the code, and its registers from X0 on.
func (g *armGuest) start(tb testing.TB, vcpu int, code []uint32, x ...uint64) {
	tb.Helper()
	var b []byte
	for _, insn := range code {
		b = binary.LittleEndian.AppendUint32(b, insn)
	}
	_, err := g.ram.WriteAt(b, savedArmCode-armRAM)
	must(tb, err)
	v := g.vcpus[vcpu]
	for i, value := range x {
		must(tb, SetOneReg(v, uapi.RegArmCoreRegs0+uapi.RegID[uint64](2*i), value))
	}
	must(tb, SetOneReg(v, uapi.RegArmCorePC, savedArmCode))
	must(tb, SetOneReg(v, uapi.RegArm64SysregCPACREL1, 3<<20)) // the vector registers may be used
}

// move saves the guest and restores it into a new VM.
func (g *armGuest) move(tb testing.TB) *armGuest {
	tb.Helper()
	saved := saveAll(tb, g.vm, g.ram, g.vcpus, g.parts...)
	to := newSavedArmGuest(tb, len(g.vcpus), g.parts != nil)
	restoreAll(tb, saved, to.vm, to.ram, to.vcpus, to.parts...)
	return to
}

func (g *armGuest) want(tb testing.TB, vcpu int, at, seed uint64) {
	tb.Helper()
	if gpa := wantExit(tb, g.vcpus[vcpu], uapi.ExitMMIO).MMIO().GPA; gpa != armNoRAM {
		tb.Fatalf("the guest is at %#x", gpa)
	}
	if got, want := loadWord(tb, g.ram, at+8), lcgResult(seed, lcgSteps); got != want {
		tb.Errorf("the guest computed %#x, undisturbed it is %#x", got, want)
	}
	if got := loadWord(tb, g.ram, at+16); got != seed {
		tb.Errorf("d1 is %#x, want %#x", got, seed)
	}
}

func TestSaveStateMidComputation(t *testing.T) {
	for _, gic := range []bool{false, true} {
		g := newSavedArmGuest(t, 1, gic)
		g.start(t, 0, armLCG, lcgSeed, lcgSteps, armRAM+armData, lcgFactor, lcgAddend, armNoRAM)
		for part := range uint64(3) {
			kickedWhen(t, g.vcpus[0], lcgAt(g.ram, armData, lcgSteps-(part*2+1)*lcgSteps/10))
			g = g.move(t)
		}
		g.want(t, 0, armData, lcgSeed)
	}
}

func TestSaveStateOfTwoVCPUs(t *testing.T) {
	g := newSavedArmGuest(t, 2, true)
	const second = armData + 0x100
	g.start(t, 0, armLCG, lcgSeed, lcgSteps, armRAM+armData, lcgFactor, lcgAddend, armNoRAM)
	g.start(t, 1, armLCG, lcgSeed+1, lcgSteps, armRAM+second, lcgFactor, lcgAddend, armNoRAM)
	kickedWhen(t, g.vcpus[0], lcgAt(g.ram, armData, lcgSteps-lcgSteps/10))
	kickedWhen(t, g.vcpus[1], lcgAt(g.ram, second, lcgSteps-lcgSteps/5))
	g = g.move(t)
	g.want(t, 1, second, lcgSeed+1)
	g.want(t, 0, armData, lcgSeed)
}

// A vCPU that waits for PSCI CPU_ON waits after the move.
func TestSaveStateOfAStoppedVCPU(t *testing.T) {
	g := newSavedArmGuest(t, 1, true)
	must(t, g.vcpus[0].SetMPState(uapi.MPStateStopped))
	g = g.move(t)
	if state, err := g.vcpus[0].MPState(); err != nil || state != uapi.MPStateStopped {
		t.Errorf("multiprocessing state %d, %v, want stopped", state, err)
	}
}

// A read of a device's register is completed before the guest is saved.
func TestSaveStatePendingRead(t *testing.T) {
	g := newSavedArmGuest(t, 1, true)
	g.start(t, 0, []uint32{
		0xf94000a0, // ldr x0, [x5]
		0xf9000040, // str x0, [x2]
		0xf90000a0, // str x0, [x5]
	}, 0, 0, armRAM+armData, 0, 0, armNoRAM)
	mmio := wantExit(t, g.vcpus[0], uapi.ExitMMIO).MMIO()
	if mmio.Write {
		t.Fatal("the guest does not read")
	}
	mmio.Data().SetUint64(0x5a5a)
	g = g.move(t)
	if mmio := wantExit(t, g.vcpus[0], uapi.ExitMMIO).MMIO(); !mmio.Write || mmio.Data().Uint64() != 0x5a5a {
		t.Errorf("the guest wrote %#x, want what it has read", mmio.Data().Uint64())
	}
	if got := loadWord(t, g.ram, armData); got != 0x5a5a {
		t.Errorf("the guest has read %#x", got)
	}
}

// The guest waits for its timer, whose interrupt comes through the GIC after the move.
func TestSaveStateWaitingForTheTimer(t *testing.T) {
	g := newSavedArmGuest(t, 1, true)
	mpidr := g.mpidr(t, 0)
	const timer = 1 << 27
	for _, r := range []VGICReg{
		{0x10080, 1<<32 - 1}, // all of group 1
		{0x10100, timer},     // enabled
	} {
		must(t, g.gic().SetRedistReg(mpidr, r.Offset, r.Value))
	}
	must(t, g.gic().SetDistReg(gicdCTLR, 2)) // group 1
	for id, value := range map[uapi.RegID[uint64]]uint64{
		uapi.RegArm64SysregICCPMREL1: 0xf0, uapi.RegArm64SysregICCIGRPEN1EL1: 1,
	} {
		must(t, g.gic().SetCPUSysreg(mpidr, id, value))
	}
	g.start(t, 0, armWait, 0, 0, armRAM+armData, 0, 0, armNoRAM)
	kickedWhen(t, g.vcpus[0], func() bool { return loadWord(t, g.ram, armData+16) != 0 })
	g = g.move(t)
	wantExit(t, g.vcpus[0], uapi.ExitMMIO)
	if irq := loadWord(t, g.ram, armData); irq != 27 {
		t.Errorf("interrupt %d, want the timer's 27", irq)
	}
	deadline, now := loadWord(t, g.ram, armData+24), loadWord(t, g.ram, armData+8)
	if now < deadline {
		t.Errorf("the timer for %d fired at %d", deadline, now)
	}
}

func (g *armGuest) mpidr(tb testing.TB, vcpu int) uint64 {
	tb.Helper()
	mpidr, err := GetOneReg(g.vcpus[vcpu], uapi.RegArm64SysregMPIDREL1)
	must(tb, err)
	return mpidr
}

// Every register of the interrupt controllers is what it was.
func TestSaveStateOfInterruptControllers(t *testing.T) {
	g := newSavedArmGuest(t, 2, true)
	for vcpu := range 2 {
		mpidr := g.mpidr(t, vcpu)
		for _, r := range []VGICReg{
			{0x10080, 0xffffffff}, {0x10100, 0x08010001 << vcpu}, {0x10200, 0x00020000}, {0x10300, 0x00010000},
			{0x10400 + 16, 0xa0b0c0d0}, {0x10c04, 0xaaaaaaaa},
		} {
			must(t, g.gic().SetRedistReg(mpidr, r.Offset, r.Value))
		}
		must(t, g.gic().SetLineLevel(mpidr, 0, 1<<(20+vcpu)))
	}
	for _, r := range []VGICReg{
		{gicdCTLR, 2}, {0x84, 0xffffffff}, {0x104, 0x00ff00ff}, {0x204, 0x00000f00}, {0x304, 0x1},
		{0x424, 0xa0b0c0d0}, {0xc08, 0xaaaa0000}, {gicdIROUTER + 8*40, 1},
	} {
		must(t, g.gic().SetDistReg(r.Offset, r.Value))
	}
	must(t, g.gic().SetLineLevel(g.mpidr(t, 0), 64, 0x5))
	must(t, g.gic().SetCPUSysreg(g.mpidr(t, 1), uapi.RegArm64SysregICCPMREL1, 0xf0))
	its := g.parts[1].(*VGICITS)
	must(t, its.SetReg(gitsCBASER, 1<<63|armRAM+0x10000))
	before, err := g.vm.SaveState(testParts(g.vcpus, g.parts)...)
	must(t, err)
	g = g.move(t)
	after, err := g.vm.SaveState(testParts(g.vcpus, g.parts)...)
	must(t, err)
	if !reflect.DeepEqual(before, after) {
		t.Errorf("before: %+v\n%+v\nafter: %+v\n%+v", before.GIC, before.ITS, after.GIC, after.ITS)
	}
	if n := len(before.GIC.Redistributor[0].Sysreg); n < 9 {
		t.Errorf("%d registers of the CPU interface", n)
	}
}

func TestSaveStateRefusals(t *testing.T) {
	g := newSavedArmGuest(t, 1, true)
	state, err := g.vm.SaveState(testParts(g.vcpus, g.parts)...)
	must(t, err)
	wantError(t, g.vm.RestoreState(state), ErrInvalid, "GICv3")
	wantError(t, g.vm.RestoreState(state, g.gic(), g.vcpus[0]), ErrInvalid, "ITS")
	wantError(t, newSavedArmGuest(t, 1, false).vm.RestoreState(state), ErrInvalid, "gicv3")
	_, err = g.vm.SaveState(g.parts...)
	wantError(t, err, ErrInvalid, "vCPUs")
	_, err = g.vm.SaveState((*VGICV3)(nil))
	wantError(t, err, ErrInvalid)
	state.GIC.NrIRQs = 128
	wantError(t, g.vm.RestoreState(state, testParts(g.vcpus, g.parts)...), ErrInvalid, "128", "96")

	v := g.vcpus[0]
	vcpu, err := v.SaveState()
	must(t, err)
	vcpu.Registers = append(vcpu.Registers, RegState{uapi.RegArm64SVEVLs.Reg(), make([]byte, 64)})
	wantError(t, v.RestoreState(vcpu), ErrNotSupported, uapi.RegArm64SVEVLs.String())
	vcpu.Registers = []RegState{{uapi.RegArm64Sysreg5(3, 0, 0, 0, 0).Reg(), make([]byte, 8)}} // MIDR_EL1
	err = v.RestoreState(vcpu)
	if err == nil {
		t.Skip("this KVM takes any MIDR_EL1")
	}
	wantError(t, err, ErrNotSupported, "MIDR_EL1")
	must(t, v.Close())
	_, err = v.SaveState()
	wantError(t, err, ErrClosed)
	must(t, g.vm.Close())
	_, err = g.vm.SaveState()
	wantError(t, err, ErrClosed)
}

func sampleVCPUState() *VCPUState {
	return &VCPUState{
		StateHeader: newStateHeader(), ID: 3, MPState: uapi.MPStateStopped, Events: &uapi.VCPUEvents{},
		Registers: []RegState{{uapi.RegArmCorePC.Reg(), make([]byte, 8)}, {uapi.RegArmCoreVregs0.Reg(), make([]byte, 16)}},
	}
}

func sampleVMState() *VMState {
	return &VMState{
		StateHeader: newStateHeader(),
		GIC: &VGICV3State{
			NrIRQs: 96, IIDR: 0x43b, Distributor: []VGICReg{{0, 2}, {gicLines, 0}}, Lines: []uint32{1, 2},
			Redistributor: []VGICV3CPU{
				{MPIDR: 1 << 31, Regs: []VGICReg{{0, 1}}, Lines: 5, Sysreg: []RegState{{uapi.RegArm64SysregICCPMREL1.Reg(), make([]byte, 8)}}},
				{MPIDR: 1<<31 | 1, Regs: []VGICReg{{0, 1}}, Lines: 6, Sysreg: []RegState{{uapi.RegArm64SysregICCPMREL1.Reg(), make([]byte, 8)}}},
			},
		},
		ITS: []VGICITSState{{Regs: []VGICITSReg{{4, 5}}}, {Regs: []VGICITSReg{{4, 6}}}},
	}
}

// Every register is what it was, in the middle of a computation.
func TestSaveStateIsWhole(t *testing.T) {
	g := newSavedArmGuest(t, 1, true)
	v := g.vcpus[0]
	g.start(t, 0, armLCG, lcgSeed, lcgSteps, armRAM+armData, lcgFactor, lcgAddend, armNoRAM)
	for i := range 32 {
		must(t, SetOneReg(v, uapi.RegArmCoreVregs0+uapi.RegID[[2]uint64](4*i), [2]uint64{uint64(i), ^uint64(i)}))
	}
	known, err := v.RegList()
	must(t, err)
	for id, value := range map[uapi.RegID[uint64]]uint64{
		uapi.RegArm64SysregTTBR0EL1: 0x41000000, uapi.RegArm64SysregVBAREL1: 0x42000000, uapi.RegArm64SysregTPIDREL1: 0x1234,
		uapi.RegArmPTIMERCval: 1 << 50, uapi.RegArmTimerCval: 1 << 51,
	} {
		if id != uapi.RegArmPTIMERCval || slices.Contains(known, id.Reg()) {
			must(t, SetOneReg(v, id, value))
		}
	}
	kickedWhen(t, v, lcgAt(g.ram, armData, lcgSteps-lcgSteps/10))
	before, err := v.SaveState()
	must(t, err)
	g = g.move(t)
	after, err := g.vcpus[0].SaveState()
	must(t, err)
	wantSameRegs(t, before, after, uapi.RegArmTimerCnt.Reg(), uapi.RegArmPTIMERCnt.Reg())
}
