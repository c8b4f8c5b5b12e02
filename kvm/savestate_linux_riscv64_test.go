package kvm

import (
	"encoding/binary"
	"errors"
	"reflect"
	"slices"
	"syscall"
	"testing"

	"linuxkvm/memory"
	"linuxkvm/uapi"
)

// Where the guests of these tests have things.
const (
	hartRAM   = 0x80000000
	hartCode  = hartRAM + 0x1000
	hartData  = 0x8000 // in the RAM
	hartNoRAM = 0x50000000

	hartAPLIC = 0xd000000
	hartIMSIC = 0x28000000
)

// hartLCG is lcgCode for this architecture: A0 is the number, A1 counts, A2 is the data,
// A3 and A4 are the constants, A5 is where no memory is. FT1 keeps the seed.
var hartLCG = []uint32{
	0xf20500d3, // fmv.d.x ft1, a0
	0x02d50533, // mul a0, a0, a3
	0x00e50533, // add a0, a0, a4
	0x00b63023, // sd a1, 0(a2)
	0xfff58593, // addi a1, a1, -1
	0xfe0598e3, // bnez a1, to the mul
	0x00a63423, // sd a0, 8(a2)
	0xe2008853, // fmv.x.d a6, ft1
	0x01063823, // sd a6, 16(a2)
	0x00a7b023, // sd a0, 0(a5)
	0x0000006f, // j to itself
}

// hartWait wants an interrupt of its timer in A4 ticks and waits for it with interrupts
// masked. It asks the firmware; where the hart has a comparator of its own, hartCompare
// is in place of the call. (KVM then forgets what the firmware was asked for when it is
// scheduled out before it is back in the guest, as kernels up to 6.12 do.)
var hartWait = []uint32{
	0xc0102573, // rdtime a0
	0x00e50533, // add a0, a0, a4
	0x00a63023, // sd a0, 0(a2)
	0x00000073, // ecall
	0x01163823, // sd a7, 16(a2)
	0x10500073, // wfi
	0x144026f3, // csrr a3, sip
	0x0206f693, // andi a3, a3, 0x20
	0xfe068ae3, // beqz a3, to the wfi
	0xc0102573, // rdtime a0
	0x00a63423, // sd a0, 8(a2)
	0x00a7b023, // sd a0, 0(a5)
}

// hartCompare is csrw stimecmp, a0.
const hartCompare = 0x14d51073

// hartGuest is a VM with RAM, vCPUs, and where the host has it, an AIA.
type hartGuest struct {
	vm    *VM
	ram   *memory.Region
	vcpus []*VCPU
	parts []StatePart
}

func newHartGuest(tb testing.TB, vcpus int) *hartGuest {
	tb.Helper()
	g := &hartGuest{vm: newTestVM(tb)}
	g.ram = addMemory(tb, g.vm, 0, 0, hartRAM, 0x40000)
	aia, err := g.vm.CreateRISCVAIA()
	if err != nil && !errors.Is(err, syscall.ENODEV) {
		tb.Fatal(err)
	}
	for i := range vcpus {
		g.vcpus = append(g.vcpus, newTestVCPU(tb, g.vm, i))
	}
	if aia == nil {
		return g
	}
	tb.Cleanup(func() { aia.Close() })
	must(tb, aia.SetConfig(RISCVAIASrcs, 40))
	must(tb, aia.SetConfig(RISCVAIAHartBits, 2))
	must(tb, aia.SetAPLICAddr(hartAPLIC))
	for i := range vcpus {
		must(tb, aia.SetIMSICAddr(i, hartIMSIC+0x1000*uint64(i)))
	}
	must(tb, aia.Init())
	g.parts = []StatePart{aia}
	return g
}

// start has a vCPU begin with the code, and its registers from A0 on.
func (g *hartGuest) start(tb testing.TB, vcpu int, code []uint32, a ...uint64) {
	tb.Helper()
	var b []byte
	for _, insn := range code {
		b = binary.LittleEndian.AppendUint32(b, insn)
	}
	_, err := g.ram.WriteAt(b, hartCode-hartRAM)
	must(tb, err)
	v := g.vcpus[vcpu]
	must(tb, v.SetMPState(uapi.MPStateRunnable))
	for i, value := range a {
		must(tb, SetOneReg(v, uapi.RegRISCVCoreA0+uapi.RegID[uint64](i), value))
	}
	must(tb, SetOneReg(v, uapi.RegRISCVCorePC, hartCode))
	const fpInitial = 1 << 13
	must(tb, SetOneReg(v, uapi.RegRISCVCSRSstatus, fpInitial))
	const timer = 1 << 5
	must(tb, SetOneReg(v, uapi.RegRISCVCSRSIE, timer))
}

// move saves the guest and restores it into a new VM.
func (g *hartGuest) move(tb testing.TB) *hartGuest {
	tb.Helper()
	saved := saveAll(tb, g.vm, g.ram, g.vcpus, g.parts...)
	to := newHartGuest(tb, len(g.vcpus))
	restoreAll(tb, saved, to.vm, to.ram, to.vcpus, to.parts...)
	return to
}

func (g *hartGuest) want(tb testing.TB, vcpu int, at, seed uint64) {
	tb.Helper()
	if gpa := wantExit(tb, g.vcpus[vcpu], uapi.ExitMMIO).MMIO().GPA; gpa != hartNoRAM {
		tb.Fatalf("the guest is at %#x", gpa)
	}
	if got, want := loadWord(tb, g.ram, at+8), lcgResult(seed, lcgSteps); got != want {
		tb.Errorf("the guest computed %#x, undisturbed it is %#x", got, want)
	}
	if got := loadWord(tb, g.ram, at+16); got != seed {
		tb.Errorf("ft1 is %#x, want %#x", got, seed)
	}
}

func TestSaveStateMidComputation(t *testing.T) {
	g := newHartGuest(t, 1)
	g.start(t, 0, hartLCG, lcgSeed, lcgSteps, hartRAM+hartData, lcgFactor, lcgAddend, hartNoRAM)
	for part := range uint64(3) {
		kickedWhen(t, g.vcpus[0], lcgAt(g.ram, hartData, lcgSteps-(part*2+1)*lcgSteps/10))
		g = g.move(t)
	}
	g.want(t, 0, hartData, lcgSeed)
}

func TestSaveStateOfTwoVCPUs(t *testing.T) {
	g := newHartGuest(t, 2)
	const second = hartData + 0x100
	g.start(t, 0, hartLCG, lcgSeed, lcgSteps, hartRAM+hartData, lcgFactor, lcgAddend, hartNoRAM)
	g.start(t, 1, hartLCG, lcgSeed+1, lcgSteps, hartRAM+second, lcgFactor, lcgAddend, hartNoRAM)
	kickedWhen(t, g.vcpus[0], lcgAt(g.ram, hartData, lcgSteps-lcgSteps/10))
	kickedWhen(t, g.vcpus[1], lcgAt(g.ram, second, lcgSteps-lcgSteps/5))
	g = g.move(t)
	g.want(t, 1, second, lcgSeed+1)
	g.want(t, 0, hartData, lcgSeed)
}

// A hart that was not started waits after the move.
func TestSaveStateOfAStoppedVCPU(t *testing.T) {
	g := newHartGuest(t, 2).move(t)
	for i, want := range []uint32{uapi.MPStateRunnable, uapi.MPStateStopped} {
		if state, err := g.vcpus[i].MPState(); err != nil || state != want {
			t.Errorf("vCPU %d: multiprocessing state %d, %v, want %d", i, state, err, want)
		}
	}
}

// A read of a device's register is completed before the guest is saved.
func TestSaveStatePendingRead(t *testing.T) {
	g := newHartGuest(t, 1)
	g.start(t, 0, []uint32{
		0x0007b503, // ld a0, 0(a5)
		0x00a63023, // sd a0, 0(a2)
		0x00a7b023, // sd a0, 0(a5)
	}, 0, 0, hartRAM+hartData, 0, 0, hartNoRAM)
	mmio := wantExit(t, g.vcpus[0], uapi.ExitMMIO).MMIO()
	if mmio.Write {
		t.Fatal("the guest does not read")
	}
	mmio.Data().SetUint64(0x5a5a)
	g = g.move(t)
	if mmio := wantExit(t, g.vcpus[0], uapi.ExitMMIO).MMIO(); !mmio.Write || mmio.Data().Uint64() != 0x5a5a {
		t.Errorf("the guest wrote %#x, want what it has read", mmio.Data().Uint64())
	}
	if got := loadWord(t, g.ram, hartData); got != 0x5a5a {
		t.Errorf("the guest has read %#x", got)
	}
}

// The guest waits for its timer, which goes on after the move.
func TestSaveStateWaitingForTheTimer(t *testing.T) {
	g := newHartGuest(t, 1)
	frequency, err := GetOneReg(g.vcpus[0], uapi.RegRISCVTimerFrequency)
	must(t, err)
	const setTimer = 0x54494d45
	code := slices.Clone(hartWait)
	sstc, err := GetOneReg(g.vcpus[0], uapi.RegRISCVISAExtSstc)
	if err == nil && sstc == 1 {
		code[slices.Index(code, 0x73)] = hartCompare
	}
	g.start(t, 0, code, 0, 0, hartRAM+hartData, 0, 2*frequency, hartNoRAM, 0, setTimer)
	kickedWhen(t, g.vcpus[0], func() bool { return loadWord(t, g.ram, hartData+16) != 0 })
	g = g.move(t)
	wantExit(t, g.vcpus[0], uapi.ExitMMIO)
	deadline, now := loadWord(t, g.ram, hartData), loadWord(t, g.ram, hartData+8)
	if now < deadline && sstc == 1 {
		t.Errorf("the timer for %d fired at %d", deadline, now)
	}
	if now > deadline+frequency*20 {
		t.Errorf("the timer for %d fired at %d, %d ticks make a second", deadline, now, frequency)
	}
}

// Every register of the interrupt controllers is what it was.
func TestSaveStateOfInterruptControllers(t *testing.T) {
	g := newHartGuest(t, 2)
	if g.parts == nil {
		t.Skip("needs a processor with Ssaia (lane riscv64-aia has one: go run ./internal/cmd/rig test -lane riscv64-aia -run TestSaveState ./kvm)")
	}
	aia := g.parts[0].(*RISCVAIA)
	const edgeRise, levelHigh, levelLow = 4, 6, 7
	for _, r := range []APLICReg{
		{aplicSOURCECFG + 4*(3-1), edgeRise}, {aplicTARGET + 4*(3-1), 1<<18 | 5},
		{aplicSOURCECFG + 4*(35-1), levelHigh}, {aplicTARGET + 4*(35-1), 7},
		{aplicSOURCECFG + 4*(36-1), levelLow},
	} {
		must(t, aia.SetAPLICReg(r.Offset, r.Value))
	}
	must(t, g.vm.IRQLine(3, true))  // pending, and not enabled
	must(t, g.vm.IRQLine(35, true)) // the same by level
	must(t, g.vm.IRQLine(36, true)) // high is idle
	must(t, aia.SetAPLICReg(aplicSETIE, 1<<8))
	must(t, aia.SetAPLICReg(aplicDOMAINCFG, 1<<8))
	for vcpu := range 2 {
		for isel, value := range map[int]uint64{imsicEIDELIVERY: 1, imsicEITHRESHOLD: 9, imsicEIP: 1 << 7, imsicEIE: 1 << (9 + vcpu)} {
			must(t, aia.SetIMSICReg(vcpu, isel, value))
		}
	}
	before, err := g.vm.SaveState(testParts(g.vcpus, g.parts)...)
	must(t, err)
	if before.AIA.Lines[0] != 1<<3 || before.AIA.Lines[1] != 1<<3|1<<4 {
		t.Errorf("wires %#x, want 3, 35 and 36", before.AIA.Lines)
	}
	g = g.move(t)
	after, err := g.vm.SaveState(testParts(g.vcpus, g.parts)...)
	must(t, err)
	if !reflect.DeepEqual(before, after) {
		t.Errorf("before: %+v\nafter: %+v", before.AIA, after.AIA)
	}
}

func TestSaveStateRefusals(t *testing.T) {
	g := newHartGuest(t, 1)
	state, err := g.vm.SaveState(testParts(g.vcpus, g.parts)...)
	must(t, err)
	if g.parts != nil {
		wantError(t, g.vm.RestoreState(state), ErrInvalid, "AIAs")
		_, err = g.vm.SaveState(g.parts...)
		wantError(t, err, ErrInvalid, "vCPUs")
		state.AIA.Sources++
		wantError(t, g.vm.RestoreState(state, testParts(g.vcpus, g.parts)...), ErrInvalid, "wires")
	}
	_, err = g.vm.SaveState((*RISCVAIA)(nil))
	wantError(t, err, ErrInvalid)

	v := g.vcpus[0]
	vcpu, err := v.SaveState()
	must(t, err)
	list := vcpu.Registers
	vcpu.Registers = append(list, RegState{uapi.RegRISCVISASingleReg(1000).Reg(), make([]byte, 8)})
	wantError(t, v.RestoreState(vcpu), ErrNotSupported, "KVM_REG_RISCV_ISA_SINGLE")
	vcpu.Registers = []RegState{{uapi.RegRISCVTimerFrequency.Reg(), []byte{1, 0, 0, 0, 0, 0, 0, 0}}}
	wantError(t, v.RestoreState(vcpu), ErrNotSupported, "frequency", "0x0100000000000000")
	must(t, v.Close())
	_, err = v.SaveState()
	wantError(t, err, ErrClosed)
	must(t, g.vm.Close())
	_, err = g.vm.SaveState()
	wantError(t, err, ErrClosed)
}

func sampleVCPUState() *VCPUState {
	return &VCPUState{
		StateHeader: newStateHeader(), ID: 3, MPState: uapi.MPStateStopped,
		Registers: []RegState{{uapi.RegRISCVCorePC.Reg(), make([]byte, 8)}, {uapi.RegRISCVVectorReg[[2]uint64](3).Reg(), make([]byte, 16)}},
	}
}

func sampleVMState() *VMState {
	return &VMState{
		StateHeader: newStateHeader(),
		AIA: &RISCVAIAState{
			Sources: 40, IDs: 127, APLIC: []APLICReg{{4, 6}}, Lines: []uint32{2, 0},
			IMSIC: []IMSICReg{{VCPU: 1, Isel: imsicEIP, Value: 1 << 7}},
		},
	}
}

// Every register is what it was, in the middle of a computation.
func TestSaveStateIsWhole(t *testing.T) {
	g := newHartGuest(t, 1)
	v := g.vcpus[0]
	g.start(t, 0, hartLCG, lcgSeed, lcgSteps, hartRAM+hartData, lcgFactor, lcgAddend, hartNoRAM)
	for id, value := range map[uapi.RegID[uint64]]uint64{
		uapi.RegRISCVCSRStvec: 0x80002000, uapi.RegRISCVCSRSscratch: 0x1234, uapi.RegRISCVCSRScause: 5, uapi.RegRISCVCSRStval: 7,
		uapi.RegRISCVCoreTP: 0x5678, uapi.RegRISCVTimerCompare: 1 << 50,
	} {
		must(t, SetOneReg(v, id, value))
	}
	kickedWhen(t, v, lcgAt(g.ram, hartData, lcgSteps-lcgSteps/10))
	before, err := v.SaveState()
	must(t, err)
	g = g.move(t)
	after, err := g.vcpus[0].SaveState()
	must(t, err)
	wantSameRegs(t, before, after, uapi.RegRISCVTimerTime.Reg())
}
