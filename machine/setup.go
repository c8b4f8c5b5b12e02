package machine

import (
	"fmt"

	"linuxkvm/boot"
	"linuxkvm/memory"
	"linuxkvm/uapi"
)

// checkCPUs refuses more vCPUs than this host's KVM takes.
func (m *Machine) checkCPUs() error {
	n, err := m.vm.CheckExtension(uapi.CapMaxVCPUs)
	if err != nil {
		return err
	}
	if m.cfg.CPUs > n {
		return fmt.Errorf("machine: %d vCPUs: this host's KVM takes at most %d", m.cfg.CPUs, n)
	}
	return nil
}

// mapRAM makes guest RAM in the given ranges and puts each into a slot.
func (m *Machine) mapRAM(ranges ...boot.Range) error {
	m.space = new(memory.Space)
	for slot, r := range ranges {
		region, err := memory.NewPrivate(int(r.Size))
		if err != nil {
			return fmt.Errorf("machine: guest memory: %w", err)
		}
		m.ram = append(m.ram, region)
		if err := m.space.Map(r.Start, region); err != nil {
			return fmt.Errorf("machine: guest memory: %w", err)
		}
		if err := m.vm.SetUserMemoryRegion(uint32(slot), 0, r.Start, region); err != nil {
			return fmt.Errorf("machine: guest memory: %w", err)
		}
	}
	return nil
}
