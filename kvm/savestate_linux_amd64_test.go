package kvm

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"reflect"
	"runtime"
	"slices"
	"testing"
	"time"

	"linuxkvm/memory"
	"linuxkvm/uapi"
)

// saveGuest saves a guest whose vCPUs are out of it, and closes it.
func saveGuest(tb testing.TB, vm *VM, ram *memory.Region, vcpus ...*VCPU) savedGuest {
	tb.Helper()
	return saveAll(tb, vm, ram, vcpus)
}

// restoreGuest puts it into a new VM, which setup configures as the first one was.
func restoreGuest(tb testing.TB, g savedGuest, setup func(*VM)) (*VM, []*VCPU, *memory.Region) {
	tb.Helper()
	vm := newTestVM(tb)
	setup(vm)
	ram := addMemory(tb, vm, 0, 0, 0, len(g.ram))
	var vcpus []*VCPU
	for i := range g.vcpus {
		vcpus = append(vcpus, newTestVCPU(tb, vm, i))
	}
	restoreAll(tb, g, vm, ram, vcpus)
	return vm, vcpus, ram
}

func noSetup(*VM) {}

func withIRQChip(tb testing.TB) func(*VM) {
	return func(vm *VM) {
		needCap(tb, vm, uapi.CapIRQChip, "2.6.24")
		must(tb, vm.CreateIRQChip())
	}
}

// lcgProgress is where the guest keeps how many steps are left.
const lcgProgress = 0x7000

// lcgCode computes lcgSteps numbers from RAX on, RCX counts, RBX is its page of memory.
// Then it writes the last one to memory and AL to port 0x10.
var lcgCode = []byte{
	0x48, 0x69, 0xc0, 0x6d, 0x4e, 0xc6, 0x41, // imul rax, rax, lcgFactor
	0x48, 0x05, 0x39, 0x30, 0x00, 0x00, // add rax, lcgAddend
	0x48, 0x89, 0x0b, // mov [rbx], rcx
	0x48, 0xff, 0xc9, // dec rcx
	0x75, 0xeb, // jnz to the start
	0x48, 0x89, 0x43, 0x08, // mov [rbx+8], rax
	0xe6, 0x10, // out 0x10, al
}

func startLCG(tb testing.TB, v *VCPU, seed, steps, memory uint64) {
	tb.Helper()
	must(tb, v.ModifyRegs(func(r *uapi.Regs) { r.RAX, r.RCX, r.RBX = seed, steps, memory }))
}

func wantLCG(tb testing.TB, v *VCPU, r *memory.Region, at, seed uint64) {
	tb.Helper()
	if port := runUntil(tb, v, uapi.ExitIO).IO().Port; port != 0x10 {
		tb.Fatalf("the guest is at port %#x", port)
	}
	got, err := r.LoadUint64(at + 8)
	must(tb, err)
	if want := lcgResult(seed, lcgSteps); got != want {
		tb.Errorf("the guest computed %#x, undisturbed it is %#x", got, want)
	}
}

// A guest in the middle of a computation moves three times to another VM.
func TestSaveStateMidComputation(t *testing.T) {
	vm, v, r := newLongGuest(t, 3, lcgCode...)
	startLCG(t, v, lcgSeed, lcgSteps, lcgProgress)
	for part := range uint64(3) {
		kickedWhen(t, v, lcgAt(r, lcgProgress, lcgSteps-(part*2+1)*lcgSteps/10))
		g := saveGuest(t, vm, r, v)
		wantError(t, v.RestoreState(&VCPUState{StateHeader: newStateHeader()}), ErrClosed)
		var vcpus []*VCPU
		vm, vcpus, r = restoreGuest(t, g, noSetup)
		v = vcpus[0]
	}
	wantLCG(t, v, r, lcgProgress, lcgSeed)
}

// Restored twice from one state, it is the same guest twice.
func TestSaveStateIsACopy(t *testing.T) {
	vm, v, r := newLongGuest(t, 3, lcgCode...)
	startLCG(t, v, lcgSeed, lcgSteps, lcgProgress)
	kickedWhen(t, v, lcgAt(r, lcgProgress, lcgSteps-lcgSteps/10))
	g := saveGuest(t, vm, r, v)
	for range 2 {
		_, vcpus, r := restoreGuest(t, g, noSetup)
		wantLCG(t, vcpus[0], r, lcgProgress, lcgSeed)
	}
}

// A vCPU can also go back to where it was.
func TestRestoreStateOfTheSameVCPU(t *testing.T) {
	_, v, r := newLongGuest(t, 3, lcgCode...)
	startLCG(t, v, lcgSeed, lcgSteps, lcgProgress)
	start, err := v.SaveState()
	must(t, err)
	for range 2 {
		must(t, r.StoreUint64(lcgProgress+8, 0))
		wantLCG(t, v, r, lcgProgress, lcgSeed)
		must(t, v.RestoreState(start))
	}
}

func TestSaveStateOfTwoVCPUs(t *testing.T) {
	vm, v0, r := newLongGuest(t, 3, lcgCode...)
	v1 := newTestVCPU(t, vm, 1)
	longMode(t, v1, r, 3, lcgCode...)
	const second = lcgProgress + 0x100
	startLCG(t, v0, lcgSeed, lcgSteps, lcgProgress)
	startLCG(t, v1, lcgSeed+1, lcgSteps, second)
	kickedWhen(t, v0, lcgAt(r, lcgProgress, lcgSteps-lcgSteps/10))
	kickedWhen(t, v1, lcgAt(r, second, lcgSteps-lcgSteps/5))
	g := saveGuest(t, vm, r, v0, v1)
	_, vcpus, r := restoreGuest(t, g, noSetup)
	wantLCG(t, vcpus[1], r, second, lcgSeed+1)
	wantLCG(t, vcpus[0], r, lcgProgress, lcgSeed)
}

// Kernel mode in the middle of a computation, with the interrupt controllers.
func TestSaveStateInKernelMode(t *testing.T) {
	setup := withIRQChip(t)
	vm := newTestVM(t)
	setup(vm)
	r := addMemory(t, vm, 0, 0, 0, 0x10000)
	v := newTestVCPU(t, vm)
	longMode(t, v, r, 0, lcgCode...)
	steps := uint64(lcgSteps)
	if _, err := os.Stat("/sys/module/kvm_pvm"); err == nil {
		steps = 100_000 // which it emulates
	}
	startLCG(t, v, lcgSeed, steps, lcgProgress)
	kickedWhen(t, v, lcgAt(r, lcgProgress, steps-steps/10))
	_, vcpus, r := restoreGuest(t, saveGuest(t, vm, r, v), setup)
	runUntil(t, vcpus[0], uapi.ExitIO)
	got, err := r.LoadUint64(lcgProgress + 8)
	must(t, err)
	if want := lcgResult(lcgSeed, int(steps)); got != want {
		t.Errorf("the guest computed %#x, undisturbed it is %#x", got, want)
	}
}

// The registers of x87, SSE and AVX hold what the guest goes on with.
func TestSaveStateVectorRegisters(t *testing.T) {
	const data, fpuOut, sseOut, mxcsrOut, avxOut = 0x7100, 0x7140, 0x7148, 0x7150, 0x7180
	code := []byte{
		0x0f, 0xae, 0x14, 0x25, 0x00, 0x71, 0, 0, // ldmxcsr [0x7100]
		0xd9, 0xe8, // fld1
		0xd8, 0xc0, // fadd st0, st0
		0x66, 0x48, 0x0f, 0x6e, 0xc8, // movq xmm1, rax
		0x66, 0x0f, 0xef, 0xc0, // pxor xmm0, xmm0
		0x66, 0x0f, 0xd4, 0xc1, // loop: paddq xmm0, xmm1
		0x48, 0x89, 0x0b, // mov [rbx], rcx
		0x48, 0xff, 0xc9, // dec rcx
		0x75, 0xf4, // jnz loop
		0xdf, 0x3c, 0x25, 0x40, 0x71, 0, 0, // fistp qword [0x7140]
		0x66, 0x0f, 0xd6, 0x04, 0x25, 0x48, 0x71, 0, 0, // movq [0x7148], xmm0
		0x0f, 0xae, 0x1c, 0x25, 0x50, 0x71, 0, 0, // stmxcsr [0x7150]
	}
	end := []byte{0xe6, 0x10} // out 0x10, al
	vm, v, r := newLongGuest(t, 3)
	avx := hasAVX(t, v)
	if avx {
		load := []byte{0xc5, 0xfc, 0x10, 0x14, 0x25, 0x20, 0x71, 0, 0}  // vmovups ymm2, [0x7120]
		store := []byte{0xc5, 0xfc, 0x11, 0x14, 0x25, 0x80, 0x71, 0, 0} // vmovups [0x7180], ymm2
		code = append(append(load, code...), store...)
	}
	_, err := r.WriteAt(append(code, end...), guestBase)
	must(t, err)
	enableVectors(t, v, avx)
	const mxcsr = 0x7f80 // round toward zero: not what it is after a reset
	must(t, r.StoreUint64(data, mxcsr))
	var lanes [32]byte
	for i := range lanes {
		lanes[i] = byte(i*7 + 1)
	}
	_, err = r.WriteAt(lanes[:], data+0x20)
	must(t, err)
	startLCG(t, v, 3, lcgSteps, lcgProgress)
	kickedWhen(t, v, lcgAt(r, lcgProgress, lcgSteps-lcgSteps/10))

	_, vcpus, r := restoreGuest(t, saveGuest(t, vm, r, v), noSetup)
	runUntil(t, vcpus[0], uapi.ExitIO)
	for at, want := range map[uint64]uint64{fpuOut: 2, sseOut: 3 * lcgSteps, mxcsrOut: mxcsr} {
		if got, err := r.LoadUint64(at); err != nil || got != want {
			t.Errorf("at %#x: %#x, %v, want %#x", at, got, err, want)
		}
	}
	var got [32]byte
	_, err = r.ReadAt(got[:], avxOut)
	must(t, err)
	if avx && got != lanes {
		t.Errorf("ymm2 is %x, want %x", got, lanes)
	}
}

func hasAVX(tb testing.TB, v *VCPU) bool {
	tb.Helper()
	cpuid, err := v.CPUID2()
	must(tb, err)
	const xsave, avx = 1 << 26, 1 << 28
	features := cpuidRegisters(cpuid, 1, 0)[2]
	if features&(xsave|avx) != xsave|avx {
		tb.Log("without AVX, which this host's guests do not have")
		return false
	}
	return true
}

func enableVectors(tb testing.TB, v *VCPU, avx bool) {
	tb.Helper()
	s, err := v.Sregs()
	must(tb, err)
	s.CR4 |= 3 << 9 // OSFXSR, OSXMMEXCPT
	s.CR0 |= 1 << 1 // MP
	if avx {
		s.CR4 |= 1 << 18 // OSXSAVE
	}
	must(tb, v.SetSregs(&s))
	if avx {
		xcrs := uapi.XCRs{NrXCRs: 1}
		xcrs.XCRs[0].Value = 7
		must(tb, v.SetXCRs(&xcrs))
	}
}

// The guest waits in HLT for the timer of its local APIC, which goes on with what was
// left of its time.
func TestSaveStateHaltedWithTimer(t *testing.T) {
	setup := withIRQChip(t)
	vm := newTestVM(t)
	setup(vm)
	r := addMemory(t, vm, 0, 0, 0, 0x10000)
	v := newTestVCPU(t, vm)
	const vector, handler = 0x40, 0x2000
	realMode(t, v, r,
		0xfb,       // sti
		0xf4,       // hlt
		0xe6, 0x66, // out 0x66, al: nothing came
	)
	setHandler(t, r, vector, handler)
	lapic, err := v.LAPIC()
	must(t, err)
	const ticks = 2_000_000_000 // of a nanosecond
	lapic.SetReg(APICSpurious, 0x1ff)
	lapic.SetReg(APICTimerDivision, 0xb)
	lapic.SetReg(APICLVTTimer, vector)
	lapic.SetReg(APICTimerInitial, ticks)
	lapic.SetReg(APICTimerCurrent, ticks)
	must(t, v.SetLAPIC(&lapic))

	start := time.Now()
	kickedWhen(t, v, func() bool { return time.Since(start) > 300*time.Millisecond })
	state, err := v.SaveState()
	must(t, err)
	if state.MPState != uapi.MPStateHalted {
		t.Fatalf("multiprocessing state %d, want halted", state.MPState)
	}
	left := state.LAPIC.Reg(APICTimerCurrent)
	if left == 0 || left >= ticks-200_000_000 {
		t.Fatalf("%d of %d ticks are left", left, uint32(ticks))
	}
	_, vcpus, _ := restoreGuest(t, saveGuest(t, vm, r, v), setup)
	after, err := vcpus[0].LAPIC()
	must(t, err)
	if now := after.Reg(APICTimerCurrent); now == 0 || now > left {
		t.Errorf("%d ticks were left, after the move %d are", left, now)
	}
	if port := runUntil(t, vcpus[0], uapi.ExitIO).IO().Port; port != 0x77 {
		t.Errorf("the guest is at port %#x, not in its handler", port)
	}
}

// setHandler puts an interrupt handler that writes to port 0x77 into a guest in real
// mode.
func setHandler(tb testing.TB, r *memory.Region, vector, handler int64) {
	tb.Helper()
	_, err := r.WriteAt([]byte{0xe6, 0x77}, handler) // out 0x77, al
	must(tb, err)
	_, err = r.WriteAt([]byte{byte(handler), byte(handler >> 8), 0, 0}, vector*4)
	must(tb, err)
}

// An interrupt that the guest has not taken yet is there after the move.
func TestSaveStatePendingInterrupt(t *testing.T) {
	const vector, handler = 0x24, 0x2000
	code := []byte{
		0xe6, 0x10, // out 0x10, al
		0xfb,             // sti
		0xb9, 0xff, 0x0f, // mov cx, 0xfff
		0xe2, 0xfe, // loop to itself: kvm_pvm looks for interrupts now and then only
		0xe6, 0x66, // out 0x66, al: nothing came
	}
	for _, c := range []struct {
		name  string
		setup func(*VM)
		raise func(*VM, *VCPU)
	}{
		{"PIC", withIRQChip(t), func(vm *VM, v *VCPU) {
			pic, err := vm.PIC(uapi.IRQChipPICMaster)
			must(t, err)
			pic.IRQBase, pic.IMR = 0x20, 0xef // IRQ 4 only
			must(t, vm.SetPIC(uapi.IRQChipPICMaster, &pic))
			lapic, err := v.LAPIC()
			must(t, err)
			lapic.SetReg(APICLVT0, 0x700) // the PIC's interrupts pass through
			must(t, v.SetLAPIC(&lapic))
			must(t, vm.IRQLine(4, true))
		}},
		{"local APIC", withIRQChip(t), func(vm *VM, v *VCPU) {
			lapic, err := v.LAPIC()
			must(t, err)
			lapic.SetReg(APICSpurious, 0x1ff)
			must(t, v.SetLAPIC(&lapic))
			_, err = vm.SignalMSI(&uapi.MSI{AddressLo: 0xfee00000, Data: vector})
			must(t, err)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			vm := newTestVM(t)
			c.setup(vm)
			r := addMemory(t, vm, 0, 0, 0, 0x10000)
			v := newTestVCPU(t, vm)
			realMode(t, v, r, code...)
			setHandler(t, r, vector, handler)
			runUntil(t, v, uapi.ExitIO)
			c.raise(vm, v)
			_, vcpus, _ := restoreGuest(t, saveGuest(t, vm, r, v), c.setup)
			if port := runUntil(t, vcpus[0], uapi.ExitIO).IO().Port; port != 0x77 {
				t.Errorf("the guest is at port %#x, not in its handler", port)
			}
		})
	}
	t.Run("queued", func(t *testing.T) {
		vm, v, r := newGuest(t,
			0xfb,       // sti
			0xe6, 0x10, // out 0x10, al
			0x90,       // nop
			0xe6, 0x66, // out 0x66, al: nothing came
		)
		setHandler(t, r, vector, handler)
		runUntil(t, v, uapi.ExitIO)
		must(t, v.Interrupt(vector))
		_, vcpus, _ := restoreGuest(t, saveGuest(t, vm, r, v), noSetup)
		if port := runUntil(t, vcpus[0], uapi.ExitIO).IO().Port; port != 0x77 {
			t.Errorf("the guest is at port %#x, not in its handler", port)
		}
	})
}

// A read from a port is completed before the guest is saved.
func TestSaveStatePendingRead(t *testing.T) {
	vm, v, r := newGuest(t,
		0xe4, 0x10, // in al, 0x10
		0xe6, 0x20, // out 0x20, al
	)
	io := runUntil(t, v, uapi.ExitIO).IO()
	if io.Out || io.Port != 0x10 {
		t.Fatalf("exit %+v, want the read", io)
	}
	io.Data().SetUint64(0x5a)
	_, vcpus, _ := restoreGuest(t, saveGuest(t, vm, r, v), noSetup)
	io = runUntil(t, vcpus[0], uapi.ExitIO).IO()
	if io.Port != 0x20 || io.Data().Uint64() != 0x5a {
		t.Errorf("the guest wrote %#x to port %#x, want what it has read", io.Data().Uint64(), io.Port)
	}
}

// A read that takes two exits cannot be cut in half.
func TestSaveStatePendingExit(t *testing.T) {
	_, v, _ := newGuest(t, 0x0f, 0x10, 0x06, 0x00, 0x00) // movups xmm0, [0], of segment DS
	s, err := v.Sregs()
	must(t, err)
	s.CR4 |= 3 << 9      // OSFXSR, OSXMMEXCPT
	s.DS.Base = 0x100000 // where no memory is
	must(t, v.SetSregs(&s))
	mmio := runUntil(t, v, uapi.ExitMMIO).MMIO()
	mmio.Data().SetUint64(0x1111)
	_, err = v.SaveState()
	var pending *PendingExitError
	if !errors.As(err, &pending) {
		t.Fatalf("SaveState: %v, want a pending exit", err)
	}
	second := pending.Exit.MMIO()
	if second.GPA != mmio.GPA+8 {
		t.Fatalf("the second exit is about %#x, the first was about %#x", second.GPA, mmio.GPA)
	}
	second.Data().SetUint64(0x2222)
	state, err := v.SaveState()
	must(t, err)
	if rip := state.Regs.RIP; rip != guestBase+5 {
		t.Errorf("the guest is at %#x, not behind its instruction", rip)
	}
	const xmm0 = 160 // in the area of FXSAVE
	if low, high := binary.LittleEndian.Uint64(state.XSAVE[xmm0:]), binary.LittleEndian.Uint64(state.XSAVE[xmm0+8:]); low != 0x1111 || high != 0x2222 {
		t.Errorf("xmm0 is %#x:%#x", high, low)
	}
}

func TestSaveStateTimerAndClock(t *testing.T) {
	vm := newTestVM(t)
	withIRQChip(t)(vm)
	must(t, vm.CreatePIT2(0))
	pit, err := vm.PIT2()
	must(t, err)
	pit.Channels[2].Count, pit.Channels[2].Mode = 0x4a9, 3
	must(t, vm.SetPIT2(&pit))
	must(t, vm.SetClock(&uapi.ClockData{Clock: 1 << 50}))
	ioapic, err := vm.IOAPIC()
	must(t, err)
	ioapic.Redirtbl[4].Bits = 1<<16 | 0x31
	must(t, vm.SetIOAPIC(&ioapic))
	v := newTestVCPU(t, vm)
	must(t, v.SetMSR(0x10, 1<<40)) // the time stamp counter
	r := addMemory(t, vm, 0, 0, 0, 0x1000)
	g := saveGuest(t, vm, r, v)
	vm, vcpus, _ := restoreGuest(t, g, func(vm *VM) {
		withIRQChip(t)(vm)
		must(t, vm.CreatePIT2(0))
	})
	got, err := vm.PIT2()
	must(t, err)
	if got.Channels[2].Count != 0x4a9 || got.Channels[2].Mode != 3 {
		t.Errorf("the PIT's channel 2 is %+v", got.Channels[2])
	}
	chip, err := vm.IOAPIC()
	must(t, err)
	if chip.Redirtbl[4].Bits != 1<<16|0x31 {
		t.Errorf("the I/O APIC's entry 4 is %#x", chip.Redirtbl[4].Bits)
	}
	clock, err := vm.Clock()
	must(t, err)
	if passed := clock.Clock - 1<<50; passed > uint64(time.Minute) {
		t.Errorf("kvmclock is %#x", clock.Clock)
	}
	tsc, err := vcpus[0].MSR(0x10)
	must(t, err)
	if _, pvm := os.Stat("/sys/module/kvm_pvm"); pvm != nil && tsc-1<<40 > 1<<40 {
		t.Errorf("the time stamp counter is %#x", tsc)
	}
}

// Another goroutine runs the vCPU: it is neither saved nor restored meanwhile.
func TestSaveStateOfARunningVCPU(t *testing.T) {
	_, v, r := newLongGuest(t, 3, lcgCode...)
	startLCG(t, v, lcgSeed, 1<<62, lcgProgress)
	start, err := v.SaveState()
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- v.Loop(ctx, func(Exit) error { return nil }) }()
	eventually(t, "the guest's first step", lcgAt(r, lcgProgress, 1<<62))
	_, err = v.SaveState()
	wantError(t, err, ErrInUse, "SaveState")
	wantError(t, v.RestoreState(start), ErrInUse, "RestoreState")
	cancel()
	wantError(t, <-done, context.Canceled)
	must(t, v.RestoreState(start))
	must(t, v.Close())
	_, err = v.SaveState()
	wantError(t, err, ErrClosed)
	wantError(t, v.RestoreState(start), ErrClosed)
	runtime.KeepAlive(r)
}

// What a host or a VM lacks is an error that names it.
func TestRestoreStateRefusals(t *testing.T) {
	_, source, _ := newLongGuest(t, 3, lcgCode...)
	for _, c := range []struct {
		name   string
		change func(*VCPUState)
		target error
		words  []string
	}{
		{"version", func(s *VCPUState) { s.Version = 99 }, ErrInvalid, []string{"version", "99"}},
		{"architecture", func(s *VCPUState) { s.Arch = "arm64" }, ErrInvalid, []string{"architecture", "arm64", "amd64"}},
		{"vCPU", func(s *VCPUState) { s.ID = 7 }, ErrInvalid, []string{"7"}},
		{"MSR", func(s *VCPUState) {
			s.MSRs = append(s.MSRs, uapi.MSREntry{Index: 0xbadc0de, Data: 5})
		}, ErrNotSupported, []string{"MSR 0xbadc0de", "0x5"}},
		{"CPUID", func(s *VCPUState) { s.CPUID[cpuidLeaf(t, s.CPUID, 7)].EBX |= 1 << 22 }, ErrNotSupported, []string{"CPUID leaf 0x7.0 EBX bit 22"}},
		{"XSAVE", func(s *VCPUState) { s.XSAVE = append(s.XSAVE, make([]byte, 1<<20)...) }, ErrNotSupported, []string{"xsave", "bytes"}},
		{"LAPIC", func(s *VCPUState) { s.LAPIC = new(LAPIC) }, ErrInvalid, []string{"local APIC", "CreateIRQChip"}},
		{"register", func(s *VCPUState) {
			s.Registers = append(s.Registers, RegState{uapi.RegX86MSR(0xbadc0de).Reg(), make([]byte, 8)})
		}, ErrNotSupported, []string{"register", "0xbadc0de"}},
		{"debug registers", func(s *VCPUState) { s.DebugRegs.DR7 = 1 << 60 }, nil, []string{"debugregs"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := source.SaveState()
			must(t, err)
			c.change(s)
			v := newTestVCPU(t, newTestVM(t))
			err = v.RestoreState(s)
			var state *StateError
			if !errors.As(err, &state) {
				t.Fatalf("RestoreState = %v, want a StateError", err)
			}
			if c.target == nil {
				c.target = state
			}
			wantError(t, err, c.target, c.words...)
		})
	}
	wantError(t, source.RestoreState(nil), ErrInvalid)
}

func cpuidLeaf(tb testing.TB, entries []CPUIDEntry, function uint32) int {
	tb.Helper()
	for i, e := range entries {
		if e.Function == function && e.Index == 0 {
			return i
		}
	}
	tb.Fatalf("no CPUID leaf %#x", function)
	return 0
}

func TestRestoreVMStateRefusals(t *testing.T) {
	plain, err := newTestVM(t).SaveState()
	must(t, err)
	chips := newTestVM(t)
	withIRQChip(t)(chips)
	must(t, chips.CreatePIT2(0))
	full, err := chips.SaveState()
	must(t, err)
	wantError(t, chips.RestoreState(plain), ErrInvalid, "I/O APIC")
	wantError(t, newTestVM(t).RestoreState(full), ErrInvalid, "CreateIRQChip")
	noPIT := newTestVM(t)
	withIRQChip(t)(noPIT)
	wantError(t, noPIT.RestoreState(full), ErrInvalid, "CreatePIT2")
	full.PIT = nil
	wantError(t, chips.RestoreState(full), ErrInvalid, "CreatePIT2")
	wantError(t, chips.RestoreState(nil), ErrInvalid)
	full.Version++
	wantError(t, chips.RestoreState(full), ErrInvalid, "version")
	other := newTestVM(t)
	_, err = other.SaveState(newTestVCPU(t, newTestVM(t)))
	wantError(t, err, ErrInvalid, "another VM")
	_, err = other.SaveState((*VCPU)(nil))
	wantError(t, err, ErrInvalid)
	_, err = other.SaveState(nil)
	wantError(t, err, ErrInvalid)
	must(t, other.Close())
	_, err = other.SaveState()
	wantError(t, err, ErrClosed)
	wantError(t, other.RestoreState(plain), ErrClosed)
}

// The System may be closed before: then another one is opened.
func TestSaveStateWithoutTheSystem(t *testing.T) {
	s := openSystem(t)
	vm, err := s.CreateVM()
	must(t, err)
	defer vm.Close()
	v, err := vm.CreateVCPU(0)
	must(t, err)
	defer v.Close()
	must(t, s.Close())
	state, err := v.SaveState()
	must(t, err)
	if len(state.MSRs) == 0 {
		t.Error("no MSRs")
	}
}

func TestSplitMSRs(t *testing.T) {
	early, rest := splitMSRs([]uapi.MSREntry{
		{Index: msrTSCDeadline}, {Index: 0x38f}, {Index: msrMCGCap}, {Index: 0x10}, {Index: msrVMXBasic}, {Index: 0xc1}, {Index: msrFeatureControl},
	})
	want := func(got []uapi.MSREntry, indices ...uint32) {
		t.Helper()
		if len(got) != len(indices) {
			t.Fatalf("%x, want %x", got, indices)
		}
		for i, e := range got {
			if e.Index != indices[i] {
				t.Errorf("%d. is MSR %#x, want %#x", i, e.Index, indices[i])
			}
		}
	}
	want(early, msrVMXBasic, msrFeatureControl)
	want(rest, 0x10, 0xc1, 0x38f, msrTSCDeadline)
}

func sampleVCPUState() *VCPUState {
	offset := uint64(1<<64 - 77)
	s := &VCPUState{
		StateHeader: newStateHeader(), ID: 3, MPState: uapi.MPStateHalted,
		CPUID:      []CPUIDEntry{{Function: 1, EAX: 2}, {Function: 7, Index: 1, Flags: 1, EDX: 9}},
		BeyondHost: []CPUIDBit{{1, 0, 2, 31}},
		Sregs2:     &uapi.Sregs2{CR3: 0x1000}, XCRs: &uapi.XCRs{NrXCRs: 1}, XSAVE: make([]byte, 4096),
		FPU: &uapi.FPU{FCW: 0x37f}, DebugRegs: &uapi.DebugRegs{DR7: 0x400}, LAPIC: new(LAPIC),
		MSRs:      []uapi.MSREntry{{Index: 0x10, Data: 1 << 40}},
		Nested:    &NestedState{Flags: 1, VMX: &NestedVMX{VMXNestedStateHdr: uapi.VMXNestedStateHdr{VmxonPA: 0x3000}, VMCS12: make([]byte, vmcsSize), ShadowVMCS12: make([]byte, vmcsSize)}},
		Registers: []RegState{{uapi.RegX86GuestSSP.Reg(), []byte{1, 2, 3, 4, 5, 6, 7, 8}}},
		Xen:       &XenVCPUState{VCPUInfo: 0x4000}, TSCKHz: 2_000_000, TSCOffset: &offset,
	}
	s.Regs.RIP, s.Sregs.CR0, s.Events.Flags = guestBase, 0x11, 1
	s.LAPIC.SetReg(APICTaskPri, 0x40)
	return s
}

func sampleVMState() *VMState {
	return &VMState{
		StateHeader: newStateHeader(), PIC: &[2]uapi.PICState{{IMR: 1}, {IMR: 2}}, IOAPIC: &uapi.IOAPICState{BaseAddress: 0xfec00000},
		PIT: &uapi.PITState2{Flags: 1}, Clock: &uapi.ClockData{Clock: 1 << 50}, Xen: &XenVMState{SharedInfo: 5},
	}
}

// AMD's nested state has another header and one page.
func TestSavedNestedState(t *testing.T) {
	for _, n := range []*NestedState{
		{Flags: 2, SVM: &NestedSVM{SVMNestedStateHdr: uapi.SVMNestedStateHdr{VMCBPA: 0x5000}, VMCB12: make([]byte, vmcsSize)}},
		{SVM: &NestedSVM{}}, {VMX: &NestedVMX{}}, {VMX: &NestedVMX{VMCS12: make([]byte, vmcsSize)}},
	} {
		s := sampleVCPUState()
		s.Nested = n
		b, err := s.MarshalBinary()
		must(t, err)
		var got VCPUState
		must(t, got.UnmarshalBinary(b))
		if !reflect.DeepEqual(s, &got) {
			t.Errorf("%+v became %+v", s.Nested, got.Nested)
		}
	}
	s := sampleVCPUState()
	for _, wrong := range []*NestedState{
		{}, {SVM: &NestedSVM{}, VMX: &NestedVMX{}}, {SVM: &NestedSVM{VMCB12: make([]byte, 5)}}, {VMX: &NestedVMX{ShadowVMCS12: make([]byte, vmcsSize)}},
	} {
		s.Nested = wrong
		_, err := s.MarshalBinary()
		wantError(t, err, ErrInvalid)
	}
}

func TestCPUIDBeyondTheHost(t *testing.T) {
	host := []CPUIDEntry{{Function: 1, ECX: 1, EDX: 3}, {Function: 7, Flags: 1, EBX: 8}, {Function: 7, Index: 1, Flags: 1, EAX: 4}}
	guest := []CPUIDEntry{{Function: 1, ECX: 1, EDX: 7, EBX: 99}, {Function: 7, Flags: 1, EBX: 8}, {Function: 7, Index: 1, Flags: 1, EAX: 5}, {Function: 0x80000001, EDX: 1 << 29}}
	want := []string{"CPUID leaf 0x1.0 EDX bit 2", "CPUID leaf 0x7.1 EAX bit 0", "CPUID leaf 0x80000001.0 EDX bit 29"}
	var got []string
	for _, b := range beyond(guest, host) {
		got = append(got, b.String())
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("beyond the host: %q, want %q", got, want)
	}
}

// What is saved again after the move is what was saved before it, apart from clocks.
func TestSaveStateIsWhole(t *testing.T) {
	setup := withIRQChip(t)
	vm := newTestVM(t)
	setup(vm)
	r := addMemory(t, vm, 0, 0, 0, 0x10000)
	v := newTestVCPU(t, vm)
	longMode(t, v, r, 3, lcgCode...)
	enableVectors(t, v, hasAVX(t, v))
	if has, _ := vm.CheckExtension(uapi.CapMCE); has != 0 {
		must(t, v.X86SetupMCE(4))
	}
	must(t, v.SetDebugRegs(&uapi.DebugRegs{DB: [4]uint64{1, 2, 3, 4}, DR6: 0xffff0ff0, DR7: 0x400}))
	msrs := map[uint32]uint64{
		0x174: 8, 0x175: 0x1234, 0x176: 0x5678, // SYSENTER
		0xc0000081: 0x0023001000000000, 0xc0000082: 0x2000, 0xc0000084: 0x700, 0xc0000102: 0x3000, // STAR, LSTAR, FMASK, KERNEL_GS_BASE
		0x277: 0x0007040600070406,                                    // PAT
		0x200: 0x80000006, 0x201: 1<<11 | 0xffff000000, 0x2ff: 0xc00, // MTRRs
		0x404: 0, 0x405: 1 << 40, // the second bank
	}
	for i, value := range msrs {
		if err := v.SetMSR(i, value); err != nil {
			t.Logf("not set: %v", err)
			delete(msrs, i)
		}
	}
	lapic, err := v.LAPIC()
	must(t, err)
	lapic.SetReg(APICTaskPri, 0x40)
	must(t, v.SetLAPIC(&lapic))
	startLCG(t, v, lcgSeed, lcgSteps, lcgProgress)
	kickedWhen(t, v, lcgAt(r, lcgProgress, lcgSteps-lcgSteps/10))
	before, err := v.SaveState()
	must(t, err)
	vmBefore, err := vm.SaveState()
	must(t, err)
	vm, vcpus, _ := restoreGuest(t, saveGuest(t, vm, r, v), setup)
	after, err := vcpus[0].SaveState()
	must(t, err)
	vmAfter, err := vm.SaveState()
	must(t, err)
	vmBefore.Clock, vmAfter.Clock = nil, nil
	if !reflect.DeepEqual(vmBefore, vmAfter) {
		t.Errorf("VM before: %+v\nafter: %+v", vmBefore, vmAfter)
	}
	if len(before.MSRs) != len(after.MSRs) {
		t.Fatalf("%d MSRs before, %d after", len(before.MSRs), len(after.MSRs))
	}
	for i, b := range before.MSRs {
		if a := after.MSRs[i]; a != b && b.Index != 0x10 {
			t.Errorf("MSR %#x was %#x and is %#x", b.Index, b.Data, a.Data)
		}
	}
	for i, want := range msrs {
		if got, err := vcpus[0].MSR(i); err != nil || got != want {
			t.Errorf("MSR %#x is %#x, %v, want %#x", i, got, err, want)
		}
	}
	for _, s := range []*VCPUState{before, after} {
		s.MSRs, s.TSCOffset = nil, nil
	}
	if _, err := os.Stat("/sys/module/kvm_pvm"); err == nil {
		// Its KVM_RUN now and then leaves the host's registers in the guest's, which
		// KVM_SET_XSAVE and KVM_GET_XSAVE without it do not: see docs/rig.md.
		before.XSAVE, after.XSAVE = nil, nil
	}
	x, y := reflect.ValueOf(before).Elem(), reflect.ValueOf(after).Elem()
	for i := range x.NumField() {
		if !reflect.DeepEqual(x.Field(i).Interface(), y.Field(i).Interface()) {
			t.Errorf("%s was %+v\nand is %+v", x.Type().Field(i).Name, x.Field(i).Interface(), y.Field(i).Interface())
		}
	}
}
