package machine

import (
	"context"
	"fmt"
	"time"

	"linuxkvm/boot/acpi"
	"linuxkvm/boot/x86"
	"linuxkvm/device"
	"linuxkvm/kvm"
)

// flushTime is how long the end of a machine waits for the console's writer to
// take what the guest has said.
const flushTime = 5 * time.Second

// board is the machine's devices and the two buses that find them.
type board struct {
	ports  device.Bus
	mmio   device.Bus
	serial *device.Serial
	rtc    *device.RTC
	in     consoleInput
}

// gsi is an interrupt line of the kernel's interrupt controllers.
type gsi struct {
	vm     *kvm.VM
	number uint32
}

// SetLevel implements device.Line.
func (g gsi) SetLevel(high bool) error { return g.vm.IRQLine(g.number, high) }

// createBoard makes the devices and puts each at its address.
func (m *Machine) createBoard() error {
	b := &board{in: consoleInput{m.cfg.ConsoleIn}}
	m.board = b
	b.serial = device.NewSerial(device.SerialConfig{
		Line: gsi{m.vm, x86.COM1GSI}, Output: m.cfg.ConsoleOut,
	})
	b.rtc = device.NewRTC(time.Now, gsi{m.vm, x86.RTCGSI})
	for _, d := range []struct {
		name       string
		base, size uint64
		dev        device.Device
	}{
		{"serial port", x86.COM1Port, device.SerialSize, b.serial},
		{"real-time clock", x86.RTCPort, device.RTCSize, b.rtc},
		{"sleep registers", x86.SleepControlPort, device.SleepSize, device.NewSleepRegs(acpi.SleepTypeOff, m.power)},
		{"reset register", x86.ResetPort, device.ResetSize, device.NewResetReg(x86.ResetValue, m.power)},
		{"delay port", 0x80, 1, device.Ignore{}},
	} {
		if err := b.ports.Add(d.name, d.base, d.size, d.dev); err != nil {
			return fmt.Errorf("machine: %w", err)
		}
	}
	keyboard := device.NewI8042(gsi{m.vm, x86.I8042GSI}, m.power)
	if err := keyboard.AddTo(&b.ports, "keyboard controller", x86.I8042DataPort); err != nil {
		return fmt.Errorf("machine: %w", err)
	}
	return nil
}

// power ends the machine because the guest asked for it.
func (m *Machine) power(e device.PowerEvent) {
	switch e {
	case device.PowerOff:
		m.finish(Result{Ending: PowerOff, CPU: -1})
	case device.Reset:
		m.finish(Result{Ending: Reset, CPU: -1})
	}
}

// firmware writes what a PC's firmware leaves in memory: code at the reset vector,
// and the ACPI tables, which are where the guest's kernel learns what there is.
// It returns the address of their root.
func (m *Machine) firmware() (rsdp uint64, err error) {
	if err := x86.WriteResetVector(m.space); err != nil {
		return 0, err
	}
	t, err := acpi.Build(acpi.Machine{
		CPUs:             m.cfg.CPUs,
		LAPICAddr:        x86.LAPICAddr,
		IOAPICAddr:       x86.IOAPICAddr,
		SleepControlPort: x86.SleepControlPort,
		SleepStatusPort:  x86.SleepStatusPort,
		ResetPort:        x86.ResetPort,
		ResetValue:       x86.ResetValue,
		Serial:           []acpi.Serial{{Port: x86.COM1Port, GSI: x86.COM1GSI}},
	}, x86.ACPIAddr, x86.ResetVectorAddr-x86.ACPIAddr)
	if err != nil {
		return 0, err
	}
	return t.RSDP, t.WriteTo(m.space)
}

// start connects the console until the returned function is called, which
// waits for the last output.
func (b *board) start(ctx context.Context) (stop func()) {
	b.in.start(ctx, b.serial)
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), flushTime)
		defer cancel()
		_ = b.serial.Flush(ctx) // a console that fails must not keep the machine
		_ = b.serial.Close()
	}
}

// close ends what the devices have running.
func (b *board) close() error {
	// What went wrong on the console was its owner's to see.
	_ = b.serial.Close()
	return b.rtc.Close()
}
