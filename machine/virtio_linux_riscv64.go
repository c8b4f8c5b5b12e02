package machine

import (
	"linuxkvm/boot/riscv64"
	"linuxkvm/device"
	"linuxkvm/virtio"
)

const maxDevices = riscv64.VirtioMax

func (m *Machine) slot(i int) slot {
	return slot{m.layout.VirtioWindow(i), riscv64.VirtioIRQ + uint32(i)}
}

// interrupt is a source of KVM's APLIC, or else of the PLIC, which knows levels only.
func (m *Machine) interrupt(a *attached, irq uint32) (virtio.Interrupt, error) {
	if m.hasAIA() {
		return m.irqfd(a, irq)
	}
	return wire{m.board.plic.Source(int(irq))}, nil
}

// virtioNodes is what the devicetree says of the devices.
func (m *Machine) virtioNodes() []riscv64.Virtio {
	var out []riscv64.Virtio
	for i := range m.cfg.Devices {
		s := m.slot(i)
		out = append(out, riscv64.Virtio{Window: s.window, IRQ: s.irq})
	}
	return out
}

// wire is a level-triggered interrupt.
type wire struct{ device.Line }

// Signal implements virtio.Interrupt.
func (w wire) Signal() error { return w.SetLevel(true) }

// Lower implements virtio.LevelInterrupt.
func (w wire) Lower() error { return w.SetLevel(false) }
