package host

import (
	"fmt"

	"linuxkvm/kvm"
	"linuxkvm/uapi"
)

// CPU is the processor that KVM can offer a guest on this host.
type CPU struct {
	Vendor string `json:"vendor"` // the implementer's code in MIDR_EL1
	MIDR   uint64 `json:"midr"`   // identification register of the processor
	// PhysicalBits is the width of the guest's addresses at most.
	PhysicalBits int `json:"physical_bits"`
	// Features are what a vCPU may have besides.
	Features []string `json:"features"`
}

// midr is MIDR_EL1.
const midr = uapi.RegArm64 | uapi.RegSizeU64 | uapi.RegArm64Sysreg | 3<<uapi.RegArm64SysregOp0Shift

// defaultIPABits is the width of addresses where it cannot be chosen.
const defaultIPABits = 40

// processor asks KVM, with a vCPU that is made for it.
func processor(sys *kvm.System) (c CPU, err error) {
	if c.PhysicalBits, err = sys.CheckExtension(uapi.CapArmVMIPASize); err != nil {
		return c, err
	}
	if c.PhysicalBits == 0 {
		c.PhysicalBits = defaultIPABits
	}
	c.Features = []string{} // not null in JSON
	for _, f := range []struct {
		c    uapi.Cap
		name string
	}{
		{uapi.CapArmEL1_32bit, "el1_32bit"}, {uapi.CapArmPMUV3, "pmuv3"}, {uapi.CapArmSVE, "sve"},
		{uapi.CapArmPtrauthAddress, "ptrauth_address"}, {uapi.CapArmPtrauthGeneric, "ptrauth_generic"},
		{uapi.CapArmMTE, "mte"}, {uapi.CapArmEL2, "el2"},
	} {
		n, err := sys.CheckExtension(f.c)
		if err != nil {
			return c, err
		}
		if n != 0 {
			c.Features = append(c.Features, f.name)
		}
	}
	c.MIDR, err = readMIDR(sys)
	c.Vendor = fmt.Sprintf("%#x", c.MIDR>>24&0xff)
	return c, err
}

// newVM makes a VM whose addresses are as wide as by default, or as this host has
// them.
func newVM(sys *kvm.System) (*kvm.VM, error) {
	width, err := sys.CheckExtension(uapi.CapArmVMIPASize)
	if err != nil {
		return nil, err
	}
	if width >= defaultIPABits {
		width = 0 // the default
	}
	return sys.CreateVMType(uint64(width))
}

// askAll asks a VM for every capability: of some of them KVM knows nothing on this
// architecture before there is one, and says EINVAL (KVM_CAP_MSI_DEVID).
func askAll(sys *kvm.System) ([]kvm.Extension, error) {
	vm, err := newVM(sys)
	if err != nil {
		return nil, err
	}
	defer vm.Close()
	return vm.Extensions()
}

func readMIDR(sys *kvm.System) (uint64, error) {
	vm, err := newVM(sys)
	if err != nil {
		return 0, err
	}
	defer vm.Close()
	cpu, err := vm.CreateVCPU(0)
	if err != nil {
		return 0, err
	}
	defer cpu.Close()
	init, err := vm.ArmPreferredTarget()
	if err != nil {
		return 0, err
	}
	if err := cpu.ArmVCPUInit(&init); err != nil {
		return 0, err
	}
	return cpu.OneRegUint64(midr)
}

// Words describes the processor in one line.
func (c CPU) Words() string {
	return fmt.Sprintf("implementer %s part %#x variant %d revision %d", c.Vendor, c.MIDR>>4&0xfff, c.MIDR>>20&0xf, c.MIDR&0xf)
}

func (p *printer) cpu(c *CPU) {
	p.title("Processor that a guest can have")
	p.line("model", "%s", c.Words())
	p.line("addresses", "%d bits physical at most", c.PhysicalBits)
	p.printf("  features that can be chosen:\n")
	p.words("    ", c.Features)
}

// exitKind is how a guest comes out in the measurement.
const exitKind = "MMIO"
