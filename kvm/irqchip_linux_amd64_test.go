package kvm

import (
	"syscall"
	"testing"

	"linuxkvm/uapi"
)

func newIRQChipVM(t *testing.T) *VM {
	t.Helper()
	vm := newTestVM(t)
	needCap(t, vm, uapi.CapIRQChip, "2.6.24")
	must(t, vm.CreateIRQChip())
	return vm
}

func TestIRQChipRoundTrip(t *testing.T) {
	vm := newIRQChipVM(t)
	wantError(t, vm.CreateIRQChip(), syscall.EEXIST, "KVM_CREATE_IRQCHIP")

	pic, err := vm.PIC(uapi.IRQChipPICSlave)
	must(t, err)
	pic.IMR, pic.IRQBase = 0xfb, 0x70
	must(t, vm.SetPIC(uapi.IRQChipPICSlave, &pic))
	gotPIC, err := vm.PIC(uapi.IRQChipPICSlave)
	must(t, err)
	if gotPIC != pic {
		t.Errorf("PIC: got %+v, want %+v", gotPIC, pic)
	}

	ioapic, err := vm.IOAPIC()
	must(t, err)
	if ioapic.BaseAddress != 0xfec00000 {
		t.Errorf("the I/O APIC is at %#x", ioapic.BaseAddress)
	}
	const masked = 1<<16 | 0x31
	ioapic.Redirtbl[4].Bits = masked
	must(t, vm.SetIOAPIC(&ioapic))
	gotIOAPIC, err := vm.IOAPIC()
	must(t, err)
	if entry := gotIOAPIC.Redirtbl[4].Bits; entry != masked {
		t.Errorf("I/O APIC entry 4 is %#x, want %#x", entry, uint64(masked))
	}

	_, err = vm.PIC(uapi.IRQChipIOAPIC)
	wantError(t, err, ErrInvalid)
	_, err = vm.IRQChip(99)
	wantError(t, err, syscall.EINVAL)
}

func TestSplitIRQChip(t *testing.T) {
	vm := newTestVM(t)
	needCap(t, vm, uapi.CapSplitIRQChip, "4.4")
	wantError(t, vm.EnableSplitIRQChip(-1), ErrInvalid)
	must(t, vm.EnableSplitIRQChip(24))
	v := newTestVCPU(t, vm)
	lapic, err := v.LAPIC()
	must(t, err)
	if version := lapic.Reg(APICVersion); version&0xff == 0 {
		t.Errorf("local APIC version %#x", version)
	}
	// The PICs stayed out of the kernel.
	if _, err := vm.PIC(uapi.IRQChipPICMaster); err == nil {
		t.Error("there is a PIC in the kernel")
	}
}

func TestLAPICRoundTrip(t *testing.T) {
	vm := newIRQChipVM(t)
	v := newTestVCPU(t, vm, 1)
	lapic, err := v.LAPIC()
	must(t, err)
	if id := lapic.Reg(APICID) >> 24; id != 1 {
		t.Errorf("APIC id %d, want the vCPU's 1", id)
	}
	lapic.SetReg(APICTaskPri, 0x40)
	lapic.SetReg(APICSpurious, 0x1ff)
	must(t, v.SetLAPIC(&lapic))
	got, err := v.LAPIC()
	must(t, err)
	if got.Reg(APICTaskPri) != 0x40 || got.Reg(APICSpurious) != 0x1ff {
		t.Errorf("task priority %#x, spurious vector %#x", got.Reg(APICTaskPri), got.Reg(APICSpurious))
	}
	wantError(t, v.SetLAPIC(nil), ErrInvalid)
	for _, off := range []APICReg{1, 0x400, 0x3ff, 1 << 31} {
		lapic.SetReg(off, 0xffffffff) // nothing happens
		if lapic.Reg(off) != 0 {
			t.Errorf("a register at %#x", off)
		}
	}
}

func TestLAPICNeedsAController(t *testing.T) {
	v := newTestVCPU(t, newTestVM(t))
	_, err := v.LAPIC()
	wantError(t, err, syscall.EINVAL, "KVM_GET_LAPIC")
}

func TestIRQLineReachesThePIC(t *testing.T) {
	vm := newIRQChipVM(t)
	for _, high := range []bool{true, false} {
		must(t, vm.IRQLine(4, high))
		pic, err := vm.PIC(uapi.IRQChipPICMaster)
		must(t, err)
		// Edge-triggered: the request stays after the line is low again.
		if pic.IRR&(1<<4) == 0 || pic.LastIRR&(1<<4) != 0 != high {
			t.Errorf("line high=%v: request register %#x, last levels %#x", high, pic.IRR, pic.LastIRR)
		}
	}
}

func TestIRQLineStatus(t *testing.T) {
	vm := newIRQChipVM(t)
	needCap(t, vm, uapi.CapIRQInjectStatus, "2.6.30")
	// Nobody has unmasked pin 23 of the I/O APIC.
	status, err := vm.IRQLineStatus(23, true)
	must(t, err)
	if status > 0 {
		t.Errorf("a masked interrupt was delivered: status %d", status)
	}
}

func TestPIT2RoundTrip(t *testing.T) {
	vm := newIRQChipVM(t)
	needCap(t, vm, uapi.CapPIT2, "2.6.32")
	must(t, vm.CreatePIT2(uapi.PITSpeakerDummy))
	wantError(t, vm.CreatePIT2(0), syscall.EEXIST, "KVM_CREATE_PIT2")
	pit, err := vm.PIT2()
	must(t, err)
	pit.Channels[2].Count, pit.Channels[2].Mode = 0x4a9, 3
	must(t, vm.SetPIT2(&pit))
	got, err := vm.PIT2()
	must(t, err)
	if got.Channels[2].Count != 0x4a9 || got.Channels[2].Mode != 3 {
		t.Errorf("channel 2: %+v", got.Channels[2])
	}
	must(t, vm.ReinjectControl(false))
	must(t, vm.ReinjectControl(true))
}

// A guest in HLT is woken by an interrupt that comes through the in-kernel PIC.
func TestInterruptWakesHLT(t *testing.T) {
	vm := newTestVM(t)
	needCap(t, vm, uapi.CapIRQChip, "2.6.24")
	must(t, vm.CreateIRQChip())
	r := addMemory(t, vm, 0, 0, 0, 0x10000)
	v := newTestVCPU(t, vm)
	realMode(t, v, r,
		0xfb,       // sti
		0xf4,       // hlt
		0xeb, 0xfd, // jmp to the hlt
	)
	const handler = 0x2000
	_, err := r.WriteAt([]byte{0xe6, 0x77}, handler) // out 0x77, al
	must(t, err)
	_, err = r.WriteAt([]byte{handler & 0xff, handler >> 8, 0, 0}, (0x20+4)*4)
	must(t, err)

	pic, err := vm.PIC(uapi.IRQChipPICMaster)
	must(t, err)
	pic.IRQBase, pic.IMR = 0x20, 0xef // IRQ 4 only
	must(t, vm.SetPIC(uapi.IRQChipPICMaster, &pic))
	lapic, err := v.LAPIC()
	must(t, err)
	lapic.SetReg(APICLVT0, 0x700) // the PIC's interrupts pass through
	must(t, v.SetLAPIC(&lapic))

	must(t, vm.IRQLine(4, true))
	runUntil(t, v, uapi.ExitIO)
	regs, err := v.Regs()
	must(t, err)
	if regs.RIP&^3 != handler {
		t.Errorf("the guest is at %#x, not in its handler", regs.RIP)
	}
}
