package machine

import (
	"math/bits"

	"linuxkvm/kvm"
	"linuxkvm/uapi"
)

// CPUID leaves and bits that depend on the machine and not on the processor.
const (
	leafFeatures   = 0x1
	leafCache      = 0x4
	leafTopology   = 0xb
	leafXSAVE      = 0xd
	leafTopologyV2 = 0x1f
	leafAMDSizes   = 0x80000008
	leafAMDCache   = 0x8000001d
	leafAMDNode    = 0x8000001e

	bitHypervisor  = 1 << 31 // leaf 1 ECX
	bitTSCDeadline = 1 << 24 // leaf 1 ECX
	bitHTT         = 1 << 28 // leaf 1 EDX

	topologyNone = 0
	topologySMT  = 1
	topologyCore = 2
)

// setCPUID offers the guest what KVM supports on this host, with the topology
// of this machine: one package, one thread per core.
func (m *Machine) setCPUID(cpu *kvm.VCPU) error {
	entries, err := m.cfg.System.SupportedCPUID()
	if err != nil {
		return err
	}
	deadline, err := m.vm.CheckExtension(uapi.CapTSCDeadlineTimer)
	if err != nil {
		return err
	}
	t := topology{id: uint32(cpu.ID()), cpus: uint32(m.cfg.CPUs)}
	for i := range entries {
		e := &entries[i]
		if e.Function == leafFeatures && deadline != 0 {
			// KVM has it apart from the list: it needs the irqchip, which is there.
			e.ECX |= bitTSCDeadline
		}
		t.apply(e)
	}
	if err := cpu.SetCPUID2(entries); err != nil {
		return err
	}
	return setXCR0(cpu, entries)
}

// setXCR0 switches on every state component that the guest's CPUID offers. A
// kernel does that itself, and KVM then corrects the sizes in CPUID, unless it
// never hears of it: QEMU's emulation of SVM, which the rig runs on, does not
// intercept XSETBV. Newer kernels do not survive sizes that are wrong.
func setXCR0(cpu *kvm.VCPU, entries []kvm.CPUIDEntry) error {
	var components uint64
	for _, e := range entries {
		if e.Function == leafXSAVE && e.Index == 0 {
			components = uint64(e.EDX)<<32 | uint64(e.EAX)
		}
	}
	if components == 0 {
		return nil // no XSAVE, no XCR0
	}
	xcrs := uapi.XCRs{NrXCRs: 1}
	xcrs.XCRs[0].Value = components // register 0
	return cpu.SetXCRs(&xcrs)
}

// topology is the place of one vCPU among all.
type topology struct {
	id   uint32 // APIC id
	cpus uint32
}

// width is the number of APIC id bits that tell the cores apart.
func (t topology) width() uint32 { return uint32(bits.Len32(t.cpus - 1)) }

func (t topology) apply(e *kvm.CPUIDEntry) {
	switch e.Function {
	case leafFeatures:
		e.ECX |= bitHypervisor
		e.EBX = e.EBX&0x0000ffff | t.cpus<<16 | t.id<<24
		e.EDX &^= bitHTT
		if t.cpus > 1 {
			e.EDX |= bitHTT
		}
	case leafCache, leafAMDCache:
		t.cache(e)
	case leafTopology, leafTopologyV2:
		t.level(e)
	case leafAMDSizes:
		e.ECX = e.ECX&^0xf0ff | t.width()<<12 | (t.cpus - 1)
	case leafAMDNode:
		e.EAX, e.EBX, e.ECX = t.id, t.id, 0
	}
}

// cache says that the first two levels of cache belong to one core, and the
// third to all.
func (t topology) cache(e *kvm.CPUIDEntry) {
	if e.EAX&0x1f == 0 {
		return // no cache at this index
	}
	sharing := uint32(0)
	if level := e.EAX >> 5 & 7; level >= 3 {
		sharing = t.cpus - 1
	}
	e.EAX = e.EAX&0x3fff | sharing<<14
	if e.Function == leafCache {
		e.EAX |= (1<<t.width() - 1) << 26
	}
}

// level describes one level of the extended topology: threads, then cores.
func (t topology) level(e *kvm.CPUIDEntry) {
	e.EAX, e.EBX, e.EDX = 0, 0, t.id
	switch e.Index {
	case 0:
		e.EBX, e.ECX = 1, topologySMT<<8
	case 1:
		e.EAX, e.EBX, e.ECX = t.width(), t.cpus, 1|topologyCore<<8
	default:
		e.ECX = e.Index | topologyNone<<8
	}
}
