package machine

import (
	"errors"
	"fmt"
	"io"

	"linuxkvm/boot"
	"linuxkvm/kvm"
	"linuxkvm/virtio"
)

// attached is a virtio device in its place.
type attached struct {
	dev    virtio.Device
	mmio   *virtio.MMIO
	events []*kvm.EventFD // doorbells, and the interrupt where it is one
}

// slot is a place for a virtio device: a window and the number of its interrupt.
type slot struct {
	window boot.Range
	irq    uint32
}

// attachDevices puts the devices of the configuration on the bus.
func (m *Machine) attachDevices() error {
	if n := len(m.cfg.Devices); n > maxDevices {
		return fmt.Errorf("machine: %d devices: this machine has interrupts for %d", n, maxDevices)
	}
	for i, dev := range m.cfg.Devices {
		if dev == nil {
			return fmt.Errorf("machine: device %d is nil", i)
		}
		if err := m.attach(fmt.Sprintf("virtio device %d", i), dev, m.slot(i)); err != nil {
			return fmt.Errorf("machine: device %d: %w", i, err)
		}
	}
	return nil
}

// attach makes a device's transport, with doorbells that the kernel rings and, where
// it can, an interrupt that the kernel raises.
func (m *Machine) attach(name string, dev virtio.Device, at slot) error {
	a := &attached{dev: dev}
	m.board.attached = append(m.board.attached, a) // what it has by now is closed with the rest
	if user, ok := dev.(virtio.MemoryUser); ok {
		user.SetMemory(m.space)
	}
	irq, err := m.interrupt(a, at.irq)
	if err != nil {
		return err
	}
	cfg := virtio.MMIOConfig{Memory: m.space, Interrupt: irq}
	for i := range dev.QueueSizes() {
		bell, err := a.newEvent()
		if err != nil {
			return err
		}
		if err := m.vm.IOEventfd(bell, kvm.IOEvent{
			Addr: at.window.Start + virtio.QueueNotifyOffset, Len: 4, Match: true, Datamatch: uint64(i),
		}); err != nil {
			return err
		}
		cfg.Doorbells = append(cfg.Doorbells, bell)
	}
	if a.mmio, err = virtio.NewMMIO(dev, cfg); err != nil {
		return err
	}
	return m.board.mmio.Add(name, at.window.Start, at.window.Size, a.mmio)
}

func (a *attached) newEvent() (*kvm.EventFD, error) {
	e, err := kvm.NewEventFD()
	if err == nil {
		a.events = append(a.events, e)
	}
	return e, err
}

// irqfd is an interrupt that the kernel raises on a GSI.
func (m *Machine) irqfd(a *attached, number uint32) (virtio.Interrupt, error) {
	e, err := a.newEvent()
	if err != nil {
		return nil, err
	}
	return e, m.vm.Irqfd(e, number)
}

// stop ends the device's work; its registers stay.
func (a *attached) stop() error {
	if a.mmio == nil {
		return nil
	}
	return a.mmio.Close()
}

// close ends the device.
func (a *attached) close() error {
	errs := []error{a.stop()}
	for _, e := range a.events {
		errs = append(errs, e.Close())
	}
	errs = append(errs, closeDevices([]virtio.Device{a.dev}))
	return errors.Join(errs...)
}

// taken is how many devices are on the board, and closed with it.
func (b *board) taken() int {
	if b == nil {
		return 0
	}
	return len(b.attached)
}

// closeDevices closes those that want it.
func closeDevices(list []virtio.Device) error {
	var errs []error
	for _, dev := range list {
		if c, ok := dev.(io.Closer); ok {
			errs = append(errs, c.Close())
		}
	}
	return errors.Join(errs...)
}
