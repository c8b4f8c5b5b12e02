package acpi

import (
	"fmt"
	"io"
)

// Serial is a 16550 serial port.
type Serial struct {
	// Port is the first of its eight I/O ports; GSI its interrupt, edge-triggered.
	Port uint16
	GSI  uint32
}

// Virtio is a virtio-mmio device.
type Virtio struct {
	// Addr and Size are its register window, guest-physical, in bytes.
	Addr, Size uint64
	// GSI is its interrupt; no two devices may share one unless Level.
	GSI uint32
	// Level says that the line is held high until the driver acknowledges. The
	// default, a pulse for each interrupt, is what an irqfd gives.
	Level bool
}

// Machine is what the tables describe.
type Machine struct {
	// CPUs is the number of vCPUs; their APIC ids are 0 to CPUs-1.
	CPUs int
	// LAPICAddr and IOAPICAddr are guest-physical.
	LAPICAddr, IOAPICAddr uint32
	// SleepControlPort and SleepStatusPort are the sleep registers, one byte
	// each. Without them (0) the guest cannot power off by ACPI.
	SleepControlPort, SleepStatusPort uint16
	// ResetPort is the reset register and ResetValue what resets; 0 for none.
	ResetPort  uint16
	ResetValue byte
	// Serial lists the serial ports, at most 4.
	Serial []Serial
	// RTC says that there is a CMOS clock, at RTCPort with interrupt RTCGSI.
	RTC     bool
	RTCPort uint16
	RTCGSI  uint32
	// I8042 says that there is a keyboard controller with interrupt I8042GSI.
	I8042    bool
	I8042GSI uint32
	// PowerButtonGSI is the interrupt that asks the guest to shut down; 0 for none.
	PowerButtonGSI uint32
	// Virtio lists the virtio-mmio devices, at most 256.
	Virtio []Virtio
}

// Limits of the naming scheme and of the machine.
const (
	maxCPUs   = 4096
	maxSerial = 4
	maxVirtio = 256
)

// Tables is a set of ACPI tables made for one guest-physical address.
type Tables struct {
	// RSDP is the guest-physical address of the root pointer.
	RSDP uint64
	// Blob is everything, to be written at RSDP.
	Blob []byte
	// Named are the single tables in Blob, by signature ("XSDT", "FACP",
	// "APIC", "DSDT").
	Named map[string][]byte
}

// align is the alignment of a table; the RSDP needs 16.
const align = 16

// Build makes the tables for guest-physical address at, a multiple of 16, with
// the RSDP first, and fails if they take more than room bytes.
func Build(m Machine, at, room uint64) (*Tables, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	if at%align != 0 {
		return nil, fmt.Errorf("acpi: the address %#x of the tables is not a multiple of %d", at, align)
	}
	t := &Tables{RSDP: at, Named: map[string][]byte{}}
	blob := make([]byte, roundUp(rsdpSize))
	put := func(table []byte) uint64 {
		start := len(blob)
		blob = append(blob, table...)
		t.Named[string(table[:4])] = blob[start:len(blob):len(blob)]
		blob = append(blob, make([]byte, roundUp(len(blob))-len(blob))...)
		return at + uint64(start)
	}
	d := put(dsdt(&m))
	f := put(fadt(&m, d))
	a := put(madt(&m))
	copy(blob, rsdp(put(xsdt(f, a))))
	if uint64(len(blob)) > room {
		return nil, fmt.Errorf("acpi: the tables for %d vCPUs and %d devices take %d bytes and there is room for %d", m.CPUs, len(m.Virtio), len(blob), room)
	}
	t.Blob = blob
	return t, nil
}

func roundUp(n int) int { return (n + align - 1) &^ (align - 1) }

func (m *Machine) check() error {
	switch {
	case m.CPUs < 1 || m.CPUs > maxCPUs:
		return fmt.Errorf("acpi: %d vCPUs; 1 to %d can be described", m.CPUs, maxCPUs)
	case len(m.Serial) > maxSerial:
		return fmt.Errorf("acpi: %d serial ports; at most %d can be described", len(m.Serial), maxSerial)
	case len(m.Virtio) > maxVirtio:
		return fmt.Errorf("acpi: %d virtio devices; at most %d can be described", len(m.Virtio), maxVirtio)
	}
	for i, v := range m.Virtio {
		if v.Size == 0 || v.Addr+v.Size < v.Addr {
			return fmt.Errorf("acpi: virtio device %d has an impossible window of %#x bytes at %#x", i, v.Size, v.Addr)
		}
	}
	return nil
}

// WriteTo writes the tables to guest memory, whose offsets are guest-physical addresses.
func (t *Tables) WriteTo(mem io.WriterAt) error {
	if _, err := mem.WriteAt(t.Blob, int64(t.RSDP)); err != nil {
		return fmt.Errorf("acpi: write %d bytes of tables at %#x: %w", len(t.Blob), t.RSDP, err)
	}
	return nil
}
