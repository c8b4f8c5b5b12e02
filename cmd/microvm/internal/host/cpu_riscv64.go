package host

import (
	"errors"
	"fmt"
	"syscall"

	"linuxkvm/kvm"
	"linuxkvm/uapi"
)

// CPU is the processor that KVM can offer a guest on this host.
type CPU struct {
	Vendor string `json:"vendor"` // the number in mvendorid
	Arch   uint64 `json:"arch"`   // marchid
	Impl   uint64 `json:"impl"`   // mimpid
	// ISA are the extensions with names of one letter: "rv64imafdc".
	ISA string `json:"isa"`
	// PhysicalBits and VirtualBits are the widths of addresses, 0 where KVM does not
	// tell.
	PhysicalBits int `json:"physical_bits,omitempty"`
	VirtualBits  int `json:"virtual_bits,omitempty"`
	// Timebase is the frequency of the time register in Hz.
	Timebase uint64 `json:"timebase"`
}

// Ids of registers, by their place in struct kvm_riscv_config and kvm_riscv_timer.
const (
	configReg = uapi.RegRISCV | uapi.RegSizeU64 | uapi.RegRISCVConfig
	timerReg  = uapi.RegRISCV | uapi.RegSizeU64 | uapi.RegRISCVTimer
)

// letters is the order in which extensions are named.
const letters = "imafdqcbvh"

// processor asks KVM, with a vCPU that is made for it.
func processor(sys *kvm.System) (c CPU, err error) {
	if c.PhysicalBits, err = sys.CheckExtension(uapi.CapVMGPABits); err != nil {
		return c, err
	}
	vm, err := sys.CreateVM()
	if err != nil {
		return c, err
	}
	defer vm.Close()
	cpu, err := vm.CreateVCPU(0)
	if err != nil {
		return c, err
	}
	defer cpu.Close()
	var isa, vendor, mode uint64
	for id, into := range map[uint64]*uint64{
		configReg: &isa, configReg | 2: &vendor, configReg | 3: &c.Arch, configReg | 4: &c.Impl,
		configReg | 6: &mode, timerReg: &c.Timebase,
	} {
		if *into, err = optional(cpu, id); err != nil {
			return c, err
		}
	}
	c.Vendor = fmt.Sprintf("%#x", vendor)
	c.VirtualBits = map[uint64]int{8: 39, 9: 48, 10: 57}[mode]
	c.ISA = isaName(isa)
	return c, nil
}

// isaName names the extensions whose bits are set, one for each letter from a on.
func isaName(isa uint64) string {
	name := "rv64"
	for _, l := range letters {
		if isa>>(l-'a')&1 != 0 {
			name += string(l)
		}
	}
	return name
}

// optional reads a register that this KVM may not have: it is 0 then.
func optional(cpu *kvm.VCPU, id uint64) (uint64, error) {
	v, err := cpu.OneRegUint64(id)
	if errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.EINVAL) {
		return 0, nil
	}
	return v, err
}

// Words describes the processor in one line.
func (c CPU) Words() string {
	return fmt.Sprintf("%s, vendor %s architecture %#x implementation %#x", c.ISA, c.Vendor, c.Arch, c.Impl)
}

func (p *printer) cpu(c *CPU) {
	p.title("Processor that a guest can have")
	p.line("model", "%s", c.Words())
	p.line("addresses", "%d bits physical, %d bits virtual", c.PhysicalBits, c.VirtualBits)
	p.line("time register", "%d Hz", c.Timebase)
}

// exitKind is how a guest comes out in the measurement.
const exitKind = "MMIO"
