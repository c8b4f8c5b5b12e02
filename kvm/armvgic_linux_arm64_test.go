package kvm

import (
	"syscall"
	"testing"

	"linuxkvm/uapi"
)

// Where the tests put interrupt controllers.
const (
	gicDist   = 0x0800_0000
	gicCPU    = 0x0801_0000
	gicITS    = 0x0808_0000
	gicRedist = 0x080a_0000
	gicIRQs   = 128
)

// Registers that the package itself has no use for, by their offsets.
const (
	gicdTYPER     = 0x0004
	giccPMR       = 0x0004
	gicrISENABLER = gicrPrivate + gicdISENABLER
)

// needDevice skips a test whose device the host cannot give to guests.
func needDevice(tb testing.TB, vm *VM, kind uint32, why string) {
	tb.Helper()
	has, err := vm.HasDevice(kind)
	must(tb, err)
	if !has {
		tb.Skip(why)
	}
}

const (
	needsGICv2 = "needs a host with a GICv2, or a GICv3 that can play one (the rig's arm64-6.1 has one: make test-lanes)"
	needsGICv3 = "needs a host with a GICv3 (the rig's arm64-newest has one: make test-lanes)"
)

// newGICv2VM and newGICv3VM are VMs with a vCPU and an interrupt controller that
// is set up.
func newGICv2VM(t *testing.T) (*VM, *VCPU, *VGICV2) {
	t.Helper()
	vm := newTestVM(t)
	needDevice(t, vm, uapi.DevTypeArmVGICV2, needsGICv2)
	addMemory(t, vm, 0, 0, 0, 0x10000)
	g, err := vm.CreateVGICV2()
	must(t, err)
	made.note(t, g.fd)
	t.Cleanup(func() { g.Close() })
	must(t, g.SetDistAddr(gicDist))
	must(t, g.SetCPUAddr(gicCPU))
	must(t, g.SetNrIRQs(gicIRQs))
	v := newTestVCPU(t, vm)
	must(t, g.Init())
	return vm, v, g
}

func newGICv3(t *testing.T, vm *VM) *VGICV3 {
	t.Helper()
	needDevice(t, vm, uapi.DevTypeArmVGICV3, needsGICv3)
	g, err := vm.CreateVGICV3()
	must(t, err)
	made.note(t, g.fd)
	t.Cleanup(func() { g.Close() })
	must(t, g.SetDistAddr(gicDist))
	must(t, g.SetNrIRQs(gicIRQs))
	return g
}

func newGICv3VM(t *testing.T) (*VM, *VCPU, *VGICV3) {
	t.Helper()
	vm := newTestVM(t)
	addMemory(t, vm, 0, 0, 0, 0x100000)
	g := newGICv3(t, vm)
	must(t, g.SetRedistAddr(gicRedist))
	v := newTestVCPU(t, vm)
	must(t, g.Init())
	return vm, v, g
}

func TestArmVGICV2(t *testing.T) {
	_, _, g := newGICv2VM(t)
	for name, want := range map[string]struct {
		get   func() (uint64, error)
		value uint64
	}{"distributor": {g.DistAddr, gicDist}, "CPU interface": {g.CPUAddr, gicCPU}} {
		if at, err := want.get(); err != nil || at != want.value {
			t.Errorf("the %s is at %#x, %v; want %#x", name, at, err, want.value)
		}
	}
	if n, err := g.NrIRQs(); err != nil || n != gicIRQs {
		t.Errorf("%d interrupts, %v; want %d", n, err, gicIRQs)
	}
	wantError(t, g.SetNrIRQs(256), syscall.EBUSY, "KVM_SET_DEVICE_ATTR")
	wantError(t, g.SetDistAddr(gicDist), syscall.EEXIST)
	must(t, g.SetDistReg(0, gicdISENABLER+4, 0xf0))
	if on, err := g.DistReg(0, gicdISENABLER+4); err != nil || on != 0xf0 {
		t.Errorf("enabled %#x, %v; want 0xf0", on, err)
	}
	must(t, g.SetCPUReg(0, giccPMR, 0x1e))
	if mask, err := g.CPUReg(0, giccPMR); err != nil || mask != 0x1e {
		t.Errorf("priority mask %#x, %v; want 0x1e", mask, err)
	}
	wantError(t, second(g.DistReg(9, gicdCTLR)), syscall.EINVAL) // there is no such vCPU
}

// What there was before devices had descriptors.
func TestArmIRQChipOfOld(t *testing.T) {
	vm := newTestVM(t)
	needDevice(t, vm, uapi.DevTypeArmVGICV2, needsGICv2)
	must(t, vm.CreateIRQChip())
	must(t, vm.ArmSetDeviceAddr(uapi.VGICV2AddrTypeDist, gicDist))
	must(t, vm.ArmSetDeviceAddr(uapi.VGICV2AddrTypeCPU, gicCPU))
	wantError(t, vm.ArmSetDeviceAddr(uapi.VGICV2AddrTypeDist, gicDist), syscall.EEXIST, "KVM_ARM_SET_DEVICE_ADDR")
	// No state is saved that would lack it.
	_, err := vm.SaveState()
	wantError(t, err, ErrInvalid, "GICv2")
}

func TestArmVGICV3(t *testing.T) {
	_, v, g := newGICv3VM(t)
	for name, want := range map[string]struct {
		get   func() (uint64, error)
		value uint64
	}{"distributor": {g.DistAddr, gicDist}, "redistributors": {g.RedistAddr, gicRedist}} {
		if at, err := want.get(); err != nil || at != want.value {
			t.Errorf("the %s is at %#x, %v; want %#x", name, at, err, want.value)
		}
	}
	if n, err := g.NrIRQs(); err != nil || n != gicIRQs {
		t.Errorf("%d interrupts, %v; want %d", n, err, gicIRQs)
	}
	wantError(t, g.SetNrIRQs(256), syscall.EBUSY, "KVM_SET_DEVICE_ATTR")
	wantError(t, g.SetDistAddr(gicDist), syscall.EEXIST)
	mpidr := oneReg(t, v, uapi.RegArm64SysregMPIDREL1)

	if typer, err := g.DistReg(gicdTYPER); err != nil || typer&0x1f != gicIRQs/32-1 {
		t.Errorf("GICD_TYPER %#x, %v; want %d interrupts", typer, err, gicIRQs)
	}
	iidr, err := g.DistReg(gicdIIDR)
	must(t, err)
	must(t, g.SetDistReg(gicdIIDR, iidr))
	must(t, g.SetDistReg(gicdISENABLER+8, 0x80000001))
	if on, err := g.DistReg(gicdISENABLER + 8); err != nil || on != 0x80000001 {
		t.Errorf("enabled %#x, %v; want 0x80000001", on, err)
	}
	must(t, g.SetRedistReg(mpidr, gicrISENABLER, 1<<27))
	if on, err := g.RedistReg(mpidr, gicrISENABLER); err != nil || on&(1<<27) == 0 {
		t.Errorf("private interrupts enabled %#x, %v; want 27 among them", on, err)
	}
	must(t, g.SetCPUSysreg(mpidr, uapi.RegArm64SysregICCPMREL1, 0xf0))
	if mask, err := g.CPUSysreg(mpidr, uapi.RegArm64SysregICCPMREL1); err != nil || mask != 0xf0 {
		t.Errorf("priority mask %#x, %v; want 0xf0", mask, err)
	}
	must(t, g.SetDistReg(gicdICFGR+64/4, 0)) // only what is no edge has a level
	must(t, g.SetLineLevel(mpidr, 64, 0x11))
	if levels, err := g.LineLevel(mpidr, 64); err != nil || levels != 0x11 {
		t.Errorf("levels %#x, %v; want 0x11", levels, err)
	}
	must(t, g.SetLineLevel(mpidr, 64, 0))
	wantError(t, second(g.RedistReg(mpidr+9, gicrISENABLER)), syscall.EINVAL) // there is no such vCPU
	must(t, g.SavePendingTables())
}

// Redistributors in two places.
func TestArmVGICV3Regions(t *testing.T) {
	vm := newTestVM(t)
	g := newGICv3(t, vm)
	first := RedistRegion{Index: 0, Count: 1, Base: gicRedist}
	second := RedistRegion{Index: 1, Count: 2, Base: gicRedist + 0x1000000}
	must(t, g.AddRedistRegion(first))
	wantError(t, g.AddRedistRegion(RedistRegion{Index: 2, Count: 1, Base: second.Base}), syscall.EINVAL) // not the next
	must(t, g.AddRedistRegion(second))
	for _, want := range []RedistRegion{first, second} {
		if got, err := g.RedistRegion(want.Index); err != nil || got != want {
			t.Errorf("region %d: %+v, %v; want %+v", want.Index, got, err, want)
		}
	}
	_, err := g.RedistRegion(5)
	wantError(t, err, syscall.ENOENT)
	for id := range 3 {
		newTestVCPU(t, vm, id)
	}
	must(t, g.Init())
}

// Lines of every kind reach the interrupt controller, and routes lead to them.
func TestArmIRQLines(t *testing.T) {
	vm, v, g := newGICv3VM(t)
	mpidr := oneReg(t, v, uapi.RegArm64SysregMPIDREL1)
	const spi, ppi = 40, 20
	line, err := ArmIRQSPI(spi)
	must(t, err)
	private, err := ArmIRQPPI(0, ppi)
	must(t, err)
	must(t, g.SetDistReg(gicdICFGR+32/4, 0))
	must(t, g.SetDistReg(gicdICFGR+32/4+4, 0))
	for _, high := range []bool{true, false} {
		must(t, vm.IRQLine(line, high))
		must(t, vm.IRQLine(private, high))
		shared, err := g.LineLevel(mpidr, 32)
		must(t, err)
		if got := shared&(1<<(spi-32)) != 0; got != high {
			t.Errorf("the line of interrupt %d is high=%v, want %v", spi, got, high)
		}
		own, err := g.LineLevel(mpidr, 0)
		must(t, err)
		if got := own&(1<<ppi) != 0; got != high {
			t.Errorf("the line of interrupt %d is high=%v, want %v", ppi, got, high)
		}
	}
	if _, err := vm.IRQLineStatus(line, true); err != nil {
		needCap(t, vm, uapi.CapIRQInjectStatus, "")
	}
	must(t, vm.IRQLine(line, false))
}

// A signal at an event descriptor becomes an interrupt, by the routes that a VM has
// from the start: GSI n is the shared interrupt n, which is INTID n + 32.
func TestArmIrqfd(t *testing.T) {
	vm, _, g := newGICv3VM(t)
	needCap(t, vm, uapi.CapIRQFD, "4.5")
	e := newTestEventFD(t)
	const gsi = 10
	must(t, vm.Irqfd(e, gsi))
	wantError(t, vm.Irqfd(e, gsi), syscall.EBUSY, "KVM_IRQFD")
	must(t, g.SetDistReg(gicdICFGR+32/4, 2<<(2*gsi))) // the level falls again at once, what was an edge stays
	must(t, e.Signal())
	eventually(t, "the interrupt", func() bool {
		list, err := g.DistReg(gicdISPENDR + 32/8)
		must(t, err)
		return list&(1<<gsi) != 0
	})
	must(t, vm.DeassignIrqfd(e, gsi))
	var routes GSIRoutes
	routes.IRQChip(3, 0, 4)
	must(t, vm.SetGSIRouting(&routes))
	wantError(t, vm.SetGSIRouting(nil), ErrInvalid)
}

func TestArmVGICITS(t *testing.T) {
	vm, v, g := newGICv3VM(t)
	mpidr := oneReg(t, v, uapi.RegArm64SysregMPIDREL1)
	needDevice(t, vm, uapi.DevTypeArmVGICITS, "needs a KVM with an ITS (the rig's arm64-newest has one: make test-lanes)")
	s, err := vm.CreateVGICITS()
	must(t, err)
	made.note(t, s.fd)
	defer s.Close()
	must(t, s.SetAddr(gicITS))
	if at, err := s.Addr(); err != nil || at != gicITS {
		t.Errorf("the ITS is at %#x, %v; want %#x", at, err, uint64(gicITS))
	}
	must(t, s.Init())
	if n, err := vm.CheckExtension(uapi.CapMSIDevID); err != nil || n != 1 {
		t.Errorf("messages need the device's id: %d, %v; want 1", n, err)
	}
	// Tables and a queue in guest memory, in pages of 64 KiB, as the guest would have them.
	const valid = 1 << 63
	for reg, at := range map[uint32]uint64{gitsBASER: 0x20000, gitsBASER + 8: 0x30000, gitsCBASER: 0x40000} {
		before, err := s.Reg(reg)
		must(t, err)
		must(t, s.SetReg(reg, before|valid|at))
		if got, err := s.Reg(reg); err != nil || got&valid == 0 || got&0xffff000 != at {
			t.Errorf("register %#x is %#x, %v; want a table at %#x", reg, got, err, at)
		}
	}
	if iidr, err := s.Reg(gitsIIDR); err != nil || iidr == 0 {
		t.Errorf("GITS_IIDR %#x, %v", iidr, err)
	}
	must(t, s.SetReg(gitsCTLR, 1))
	must(t, s.SaveTables())
	must(t, s.RestoreTables())
	must(t, s.Reset())
	if got, err := s.Reg(gitsBASER); err != nil || got&valid != 0 {
		t.Errorf("after Reset there is a table: %#x, %v", got, err)
	}
	// A message from a device that nobody has told the ITS of.
	msi := uapi.MSI{AddressLo: gicITS + 0x10040, Data: 5, DevID: 3, Flags: uapi.MSIValidDevID}
	if delivered, err := vm.SignalMSI(&msi); err == nil && delivered {
		t.Error("a message of an unknown device was delivered")
	}
	if _, err := g.RedistReg(mpidr, gicrPROPBASER); err != nil {
		t.Error(err)
	}
}

// The maintenance interrupt is for guests that are hypervisors themselves.
func TestArmVGICMaintIRQ(t *testing.T) {
	vm := newTestVM(t)
	g := newGICv3(t, vm)
	if olderKernel(t, "6.15") {
		t.Skip("needs Linux 6.15 or newer (the rig's arm64-newest has it: make test-lanes)")
	}
	must(t, g.SetMaintIRQ(24))
	if got, err := g.MaintIRQ(); err != nil || got != 24 {
		t.Errorf("the maintenance interrupt is %d, %v; want 24", got, err)
	}
}
