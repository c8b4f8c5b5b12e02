package machine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"linuxkvm/device"
	"linuxkvm/kvm"
)

// flushTime is how long the end of a machine waits for the console's writer to
// take what the guest has said.
const flushTime = 5 * time.Second

// devices are the machine's devices and the bus that finds them: what the board of
// every architecture has.
type devices struct {
	mmio    device.Bus
	console serialPort
	in      consoleInput
	others  []io.Closer // devices with something to end

	attached []*attached // virtio devices
}

// serialPort is the device that is the guest's console.
type serialPort interface {
	PumpInput(ctx context.Context, r io.Reader) error
	Flush(ctx context.Context) error
	Close() error
}

// connect takes the devices that have something to end.
func (b *devices) connect(in io.Reader, console serialPort, others ...io.Closer) {
	b.in, b.console, b.others = consoleInput{in}, console, others
}

// place is a device at its address on a bus.
type place struct {
	name       string
	base, size uint64
	dev        device.Device
}

// addTo puts devices on a bus.
func addTo(bus *device.Bus, places []place) error {
	for _, d := range places {
		if err := bus.Add(d.name, d.base, d.size, d.dev); err != nil {
			return fmt.Errorf("machine: %w", err)
		}
	}
	return nil
}

// gsi is an interrupt line of the kernel's interrupt controllers, by the number that
// KVM_IRQ_LINE takes.
type gsi struct {
	vm     *kvm.VM
	number uint32
}

// SetLevel implements device.Line.
func (g gsi) SetLevel(high bool) error { return g.vm.IRQLine(g.number, high) }

// start connects the console until the returned function is called, which
// waits for the last output, and for the end of what devices have begun.
func (b *devices) start(ctx context.Context) (stop func()) {
	b.in.start(ctx, b.console)
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), flushTime)
		defer cancel()
		_ = b.console.Flush(ctx) // a console that fails must not keep the machine
		_ = b.console.Close()
		for _, a := range b.attached {
			_ = a.stop() // again by close, whose error it is
		}
	}
}

// close ends what the devices have running.
func (b *devices) close() error {
	// What went wrong on the console was its owner's to see.
	_ = b.console.Close()
	var errs []error
	for _, d := range b.others {
		errs = append(errs, d.Close())
	}
	for _, a := range b.attached {
		errs = append(errs, a.close())
	}
	return errors.Join(errs...)
}
