package machine

import (
	"fmt"
	"time"

	"linuxkvm/boot/acpi"
	"linuxkvm/boot/x86"
	"linuxkvm/device"
)

// board is the machine's devices, most of them on the bus of the I/O ports.
type board struct {
	devices

	ports device.Bus
}

// createBoard makes the devices and puts each at its address.
func (m *Machine) createBoard() error {
	serial := device.NewSerial(device.SerialConfig{
		Line: gsi{m.vm, x86.COM1GSI}, Output: m.cfg.ConsoleOut,
	})
	rtc := device.NewRTC(time.Now, gsi{m.vm, x86.RTCGSI})
	b := new(board)
	b.connect(m.cfg.ConsoleIn, serial, rtc)
	m.board = b
	if err := addTo(&b.ports, []place{
		{"serial port", x86.COM1Port, device.SerialSize, serial},
		{"real-time clock", x86.RTCPort, device.RTCSize, rtc},
		{"sleep registers", x86.SleepControlPort, device.SleepSize, device.NewSleepRegs(acpi.SleepTypeOff, m.power)},
		{"reset register", x86.ResetPort, device.ResetSize, device.NewResetReg(x86.ResetValue, m.power)},
		{"delay port", 0x80, 1, device.Ignore{}},
	}); err != nil {
		return err
	}
	keyboard := device.NewI8042(gsi{m.vm, x86.I8042GSI}, m.power)
	if err := keyboard.AddTo(&b.ports, "keyboard controller", x86.I8042DataPort); err != nil {
		return fmt.Errorf("machine: %w", err)
	}
	return nil
}

// ConsoleName is the kernel's name of the guest's first serial port.
const ConsoleName = "ttyS0"

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
		Virtio:           m.virtioTable(),
	}, x86.ACPIAddr, x86.ResetVectorAddr-x86.ACPIAddr)
	if err != nil {
		return 0, err
	}
	return t.RSDP, t.WriteTo(m.space)
}
