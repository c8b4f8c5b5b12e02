package kvm

import (
	"errors"
	"syscall"
	"testing"

	"linuxkvm/memory"
	"linuxkvm/uapi"
)

// Where the tests have the interrupt controllers, and registers of them, by the
// numbers of their specification.
const (
	testAPLIC = 0xd000000
	testIMSIC = 0x28000000

	aplicDomainCfg = 0x0000
	aplicSourceCfg = 0x0000 // of wire n at 4 n
	aplicSetIP     = 0x1c00
	aplicClrIP     = 0x1d00
	aplicSetIENum  = 0x1edc
	aplicSetIE     = 0x1e00
	aplicTarget    = 0x3000 // of wire n at 4 n

	aplicEnable   = 1 << 8
	aplicEdgeRise = 4

	imsicDelivery  = 0x70
	imsicThreshold = 0x72
	imsicPending   = 0x80
	imsicEnabled   = 0xc0
)

// newRISCVAIA is a VM with vCPUs and an interrupt controller that is configured and
// not set up yet.
func newRISCVAIA(tb testing.TB, vcpus int, parts ...any) (*VM, *RISCVAIA, []*VCPU, *memory.Region) {
	tb.Helper()
	vm, r := riscvVM(tb, parts...)
	has, err := vm.HasDevice(uapi.DevTypeRISCVAIA)
	must(tb, err)
	aia, err := vm.CreateRISCVAIA()
	if errors.Is(err, syscall.ENODEV) {
		tb.Skipf("needs a processor with Ssaia (lane riscv64-aia has one: go run ./internal/cmd/rig test -lane riscv64-aia ./kvm): %v", err)
	}
	must(tb, err)
	if !has {
		tb.Error("HasDevice says no, and CreateDevice made one")
	}
	tb.Cleanup(func() { aia.Close() })
	var list []*VCPU
	for i := range vcpus {
		list = append(list, riscvVCPU(tb, vm, i))
	}
	must(tb, aia.SetConfig(RISCVAIASrcs, 33))
	must(tb, aia.SetConfig(RISCVAIAHartBits, 2))
	must(tb, aia.SetAPLICAddr(testAPLIC))
	for i := range vcpus {
		must(tb, aia.SetIMSICAddr(i, testIMSIC+0x1000*uint64(i)))
	}
	return vm, aia, list, r
}

func TestRISCVAIAConfiguration(t *testing.T) {
	vm, aia, _, _ := newRISCVAIA(t, 2)
	for c, value := range map[RISCVAIAConfig]uint32{
		RISCVAIAMode: uapi.DevRISCVAIAModeEmul, RISCVAIAIDs: 127, RISCVAIASrcs: 33, RISCVAIAGroupBits: 1,
		RISCVAIAGroupShift: 30, RISCVAIAHartBits: 2, RISCVAIAGuestBits: 1,
	} {
		if err := aia.SetConfig(c, value); err != nil {
			t.Errorf("number %d: %v", c, err)
		}
		if got, err := aia.Config(c); err != nil || got != value {
			t.Errorf("number %d is %d (%v), want %d", c, got, err, value)
		}
	}
	must(t, aia.SetConfig(RISCVAIAGuestBits, 0))
	_, err := aia.Config(99)
	wantError(t, err, syscall.ENXIO)
	if addr, err := aia.APLICAddr(); err != nil || addr != testAPLIC {
		t.Errorf("APLICAddr = %#x, %v", addr, err)
	}
	if addr, err := aia.IMSICAddr(1); err != nil || addr != testIMSIC+0x1000 {
		t.Errorf("IMSICAddr(1) = %#x, %v", addr, err)
	}
	_, err = aia.IMSICAddr(2)
	wantError(t, err, syscall.ENXIO) // there are two vCPUs
	for _, a := range []struct {
		group uint32
		attr  uint64
		has   bool
	}{
		{uapi.DevRISCVAIAGrpConfig, uint64(RISCVAIAGuestBits), true},
		{uapi.DevRISCVAIAGrpConfig, 99, false},
		{uapi.DevRISCVAIAGrpAddr, 2, true},
		{uapi.DevRISCVAIAGrpAddr, 3, false},
		{uapi.DevRISCVAIAGrpCtrl, uapi.DevRISCVAIACtrlInit, true},
		{uapi.DevRISCVAIAGrpCtrl, 1, false},
	} {
		if has, err := aia.HasAttr(a.group, a.attr); err != nil || has != a.has {
			t.Errorf("attribute %d of group %d: %v, %v, want %v", a.attr, a.group, has, err, a.has)
		}
	}
	// KVM reads and writes 4 bytes: with fewer it must not go on behind them.
	for n := range 4 {
		wantError(t, aia.SetAttr(uapi.DevRISCVAIAGrpConfig, uint64(RISCVAIASrcs), make([]byte, n)), syscall.EFAULT)
		wantError(t, aia.Attr(uapi.DevRISCVAIAGrpConfig, uint64(RISCVAIASrcs), make([]byte, n)), syscall.EFAULT)
	}
	_, err = aia.APLICReg(aplicDomainCfg)
	wantError(t, err, syscall.ENODEV) // not yet
	must(t, aia.Init())
	wantError(t, aia.Init(), syscall.EBUSY)
	wantError(t, aia.SetConfig(RISCVAIASrcs, 1), syscall.EBUSY)
	wantError(t, aia.SetAPLICAddr(0), syscall.EBUSY)
	wantError(t, aia.SetIMSICAddr(0, 0), syscall.EBUSY)
	_, err = vm.CreateRISCVAIA()
	wantError(t, err, syscall.EEXIST)
}

// What is missing is found out at the end.
func TestRISCVAIAInitRefusals(t *testing.T) {
	vm, aia, _, _ := newRISCVAIA(t, 1)
	riscvVCPU(t, vm, 1) // without an address
	wantError(t, aia.Init(), syscall.EINVAL)
	must(t, aia.SetIMSICAddr(1, 0x40000000)) // not next to the first
	wantError(t, aia.Init(), syscall.EINVAL)
}

func TestRISCVAIARegistersOfTheChips(t *testing.T) {
	_, aia, _, _ := newRISCVAIA(t, 2)
	must(t, aia.Init())
	for offset, value := range map[uint32]uint32{
		aplicSourceCfg + 4*3: aplicEdgeRise,
		aplicTarget + 4*3:    1<<18 | 5,
	} {
		must(t, aia.SetAPLICReg(offset, value))
		if got, err := aia.APLICReg(offset); err != nil || got != value {
			t.Errorf("the APLIC has %#x at %#x (%v), want %#x", got, offset, err, value)
		}
	}
	must(t, aia.SetAPLICReg(aplicSetIENum, 3))
	if got, err := aia.APLICReg(aplicSetIE); err != nil || got != 1<<3 {
		t.Errorf("enabled wires: %#x, %v, want bit 3", got, err)
	}
	if got, err := aia.APLICReg(aplicDomainCfg); err != nil || got&aplicEnable != 0 {
		t.Errorf("domaincfg = %#x, %v before it was enabled", got, err)
	}
	_, err := aia.APLICReg(0x3ffc) // the target of a wire that there is not
	wantError(t, err, syscall.ENODEV)
	for isel, value := range map[int]uint64{
		imsicDelivery: 1, imsicThreshold: 9, imsicPending: 1 << 7, imsicEnabled: 1 << 9, // up to 6.12 nothing above bit 31
	} {
		must(t, aia.SetIMSICReg(1, isel, value))
		if got, err := aia.IMSICReg(1, isel); err != nil || got != value {
			t.Errorf("the IMSIC has %#x in %#x (%v), want %#x", got, isel, err, value)
		}
		if got, err := aia.IMSICReg(0, isel); err != nil || got != 0 {
			t.Errorf("the other IMSIC has %#x in %#x (%v), want 0", got, isel, err)
		}
	}
	_, err = aia.IMSICReg(2, imsicDelivery)
	wantError(t, err, syscall.ENODEV)
}

// takePending returns the messages below 64 that wait at a vCPU, and clears them.
func takePending(tb testing.TB, aia *RISCVAIA, vcpu int) uint64 {
	tb.Helper()
	bits, err := aia.IMSICReg(vcpu, imsicPending)
	must(tb, err)
	must(tb, aia.SetIMSICReg(vcpu, imsicPending, 0))
	return bits
}

func TestRISCVAIAMessages(t *testing.T) {
	vm, aia, _, _ := newRISCVAIA(t, 2)
	msi := uapi.MSI{AddressLo: testIMSIC + 0x1000, Data: 5}
	if _, err := vm.SignalMSI(&msi); err == nil {
		t.Error("a message was taken before the controller was there")
	}
	must(t, aia.Init())
	needCap(t, vm, uapi.CapSignalMSI, "6.5")
	// The kernel of riscv64 has no answer to whether the guest blocks it.
	delivered, err := vm.SignalMSI(&msi)
	t.Logf("SignalMSI = %v, %v", delivered, err)
	must(t, err)
	if got := takePending(t, aia, 1); got != 1<<5 {
		t.Errorf("vCPU 1 has %#x, want bit 5", got)
	}
	if got := takePending(t, aia, 0); got != 0 {
		t.Errorf("vCPU 0 has %#x, which is not its", got)
	}
}

func TestRISCVAIAWires(t *testing.T) {
	vm, aia, _, _ := newRISCVAIA(t, 2)
	must(t, aia.Init())
	needCap(t, vm, uapi.CapIRQChip, "6.5")
	must(t, aia.SetAPLICReg(aplicDomainCfg, aplicEnable))
	for wire := uint32(1); wire <= 2; wire++ {
		must(t, aia.SetAPLICReg(aplicSourceCfg+4*wire, aplicEdgeRise))
		must(t, aia.SetAPLICReg(aplicTarget+4*wire, 1<<18|10+wire)) // to vCPU 1
		must(t, aia.SetAPLICReg(aplicSetIENum, wire))
	}
	must(t, vm.IRQLine(1, true))
	if got := takePending(t, aia, 1); got != 1<<11 {
		t.Errorf("vCPU 1 has %#x after wire 1 rose, want bit 11", got)
	}
	if in, err := aia.APLICReg(aplicClrIP); err != nil || in != 1<<1 {
		t.Errorf("the APLIC's inputs are %#x (%v), want bit 1", in, err)
	}
	must(t, vm.IRQLine(1, false))
	must(t, vm.IRQLine(1, false))
	if got := takePending(t, aia, 1); got != 0 {
		t.Errorf("vCPU 1 has %#x after wire 1 fell", got)
	}
	wantError(t, vm.IRQLine(34, true), syscall.ENODEV) // there are 33
	// With no enable what comes stays in the APLIC.
	must(t, aia.SetAPLICReg(aplicDomainCfg, 0))
	must(t, vm.IRQLine(2, true))
	if ip, err := aia.APLICReg(aplicSetIP); err != nil || ip != 1<<2 || takePending(t, aia, 1) != 0 {
		t.Errorf("the APLIC has pending %#x (%v), want bit 2", ip, err)
	}
	must(t, aia.SetAPLICReg(aplicDomainCfg, aplicEnable))
	if got := takePending(t, aia, 1); got != 1<<12 {
		t.Errorf("vCPU 1 has %#x after the APLIC was enabled, want bit 12", got)
	}
}

// A GSI leads to a wire or to a message.
func TestRISCVAIARouting(t *testing.T) {
	vm, aia, _, _ := newRISCVAIA(t, 1)
	must(t, aia.Init())
	needCap(t, vm, uapi.CapIRQFD, "6.5")
	needCap(t, vm, uapi.CapIRQRouting, "6.5")
	must(t, aia.SetAPLICReg(aplicDomainCfg, aplicEnable))
	must(t, aia.SetAPLICReg(aplicSourceCfg+4*4, aplicEdgeRise))
	must(t, aia.SetAPLICReg(aplicTarget+4*4, 20))
	must(t, aia.SetAPLICReg(aplicSetIENum, 4))
	var routes GSIRoutes
	routes.IRQChip(7, 0, 4)
	routes.MSI(8, testIMSIC, 21)
	must(t, vm.SetGSIRouting(&routes))
	for gsi, want := range map[uint32]uint64{7: 1 << 20, 8: 1 << 21} {
		e, err := NewEventFD()
		must(t, err)
		defer e.Close()
		must(t, vm.Irqfd(e, gsi))
		must(t, e.Signal())
		var got uint64
		eventually(t, "the interrupt", func() bool { got = takePending(t, aia, 0); return got != 0 })
		if got != want {
			t.Errorf("GSI %d gave the vCPU %#x, want %#x", gsi, got, want)
		}
		must(t, vm.DeassignIrqfd(e, gsi))
	}
}

// A guest takes a message and an interrupt of a wire.
func TestRISCVAIAInterruptsTheGuest(t *testing.T) {
	const external = 1 << 9
	vm, aia, list, r := newRISCVAIA(t, 1,
		setX(xA0, imsicDelivery), csrrw(xZero, csrSiselect, xA0), setX(xA0, 1), csrrw(xZero, csrSireg, xA0),
		setX(xA0, imsicEnabled), csrrw(xZero, csrSiselect, xA0), setX(xA0, 1<<5|1<<6), csrrw(xZero, csrSireg, xA0),
		setX(xA0, external), csrrs(xZero, csrSIE, xA0),
		addi(xA0, xZero, 2), csrrs(xZero, csrSstatus, xA0), // interrupts on
		setX(xA0, 0x20000), store(4, xZero, xA0, 0), // ready
		insnWFI, jump(-4))
	_, err := r.WriteAt(riscvCode(
		csrrw(xA1, csrStopei, xZero), // claims
		store(4, xA1, xA0, 4),
		insnSRET), riscvTrap)
	must(t, err)
	must(t, aia.Init())
	must(t, aia.SetAPLICReg(aplicDomainCfg, aplicEnable))
	must(t, aia.SetAPLICReg(aplicSourceCfg+4, aplicEdgeRise))
	must(t, aia.SetAPLICReg(aplicTarget+4, 6))
	must(t, aia.SetAPLICReg(aplicSetIENum, 1))
	v := list[0]
	if x := riscvRun(t, v, uapi.ExitMMIO).MMIO(); x.GPA != 0x20000 {
		t.Fatalf("MMIO = %+v, want that the guest is ready", x)
	}
	for want, send := range map[uint64]func() error{
		5: func() error { return second(vm.SignalMSI(&uapi.MSI{AddressLo: testIMSIC, Data: 5})) },
		6: func() error { return vm.IRQLine(1, true) },
	} {
		must(t, send())
		x := riscvRun(t, v, uapi.ExitMMIO).MMIO()
		if got := x.Data().Uint64(); x.GPA != 0x20004 || got != want<<16|want {
			t.Errorf("the guest was interrupted with %#x at %#x, want %#x", got, x.GPA, want<<16|want)
		}
	}
}
