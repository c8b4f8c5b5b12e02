package machine

import (
	"linuxkvm/boot/acpi"
	"linuxkvm/boot/x86"
	"linuxkvm/virtio"
)

// maxDevices is how many pins of the IOAPIC are left.
const maxDevices = x86.IOAPICPins - x86.VirtioGSI

func (m *Machine) slot(i int) slot {
	return slot{m.layout.VirtioWindow(i), x86.VirtioGSI + uint32(i)}
}

func (m *Machine) interrupt(a *attached, number uint32) (virtio.Interrupt, error) {
	return m.irqfd(a, number)
}

// virtioTable is what ACPI says of the devices.
func (m *Machine) virtioTable() []acpi.Virtio {
	var out []acpi.Virtio
	for i := range m.cfg.Devices {
		s := m.slot(i)
		out = append(out, acpi.Virtio{Addr: s.window.Start, Size: s.window.Size, GSI: s.irq})
	}
	return out
}
