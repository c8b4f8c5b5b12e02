package machine

import (
	"linuxkvm/boot/arm64"
	"linuxkvm/virtio"
)

const maxDevices = arm64.VirtioMax

func (m *Machine) slot(i int) slot {
	return slot{m.layout.VirtioWindow(i), arm64.VirtioSPI + uint32(i)}
}

// interrupt is a shared interrupt: KVM's GSIs count those alone.
func (m *Machine) interrupt(a *attached, spi uint32) (virtio.Interrupt, error) {
	return m.irqfd(a, spi)
}

// virtioNodes is what the devicetree says of the devices.
func (m *Machine) virtioNodes() []arm64.Virtio {
	var out []arm64.Virtio
	for i := range m.cfg.Devices {
		s := m.slot(i)
		out = append(out, arm64.Virtio{Window: s.window, SPI: s.irq})
	}
	return out
}
