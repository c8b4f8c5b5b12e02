package x86

import (
	"fmt"

	"linuxkvm/boot"
)

// PageSize is the size of the smallest page in bytes.
const PageSize = 4096

// Guest-physical addresses of what a loader puts below 640 KiB. Everything here
// is read by the kernel early and is its to reuse afterwards.
const (
	// GDTAddr holds the descriptor table of the entry state.
	GDTAddr = 0x1000
	// StackTop is the initial stack pointer; the page below it is free.
	StackTop = 0x5ff0
	// StartInfoAddr holds hvm_start_info, its module list and memory map (PVH).
	StartInfoAddr = 0x6000
	// ZeroPageAddr holds boot_params (Linux64).
	ZeroPageAddr = 0x7000
	// PageTableAddr holds the identity page tables (Linux64): six pages.
	PageTableAddr = 0x9000
	// CmdlineAddr holds the command line with its NUL.
	CmdlineAddr = 0x20000
	// CmdlineRoom is the number of bytes kept for it.
	CmdlineRoom = 0x10000
)

// The conventional holes of a PC below 1 MiB.
const (
	// EBDAAddr is where usable low memory ends (the extended BIOS data area).
	EBDAAddr = 0x9fc00
	// VGAAddr is where RAM is shadowed by legacy video and ROM.
	VGAAddr = 0xa0000
	// ACPIAddr is where the RSDP and the ACPI tables lie: inside the BIOS
	// area, so that a kernel without other directions finds it by scanning.
	ACPIAddr = 0xe0000
	// ACPIRoom is the number of bytes kept for ACPI tables.
	ACPIRoom = 0x20000
	// HighAddr is where extended memory begins.
	HighAddr = 0x100000
)

// The MMIO hole between 3 GiB and 4 GiB. No RAM is ever placed inside.
const (
	// HoleAddr and HoleEnd bound the hole.
	HoleAddr = 0xc0000000
	HoleEnd  = 0x1_0000_0000
	// VirtioAddr is the first virtio-mmio window; see Layout.VirtioWindow.
	VirtioAddr = 0xd0000000
	// VirtioStride separates two windows: a page, so that each can be mapped
	// and protected alone. VirtioSize of it is registers.
	VirtioStride = PageSize
	VirtioSize   = 0x200
	// VirtioMax is the number of windows.
	VirtioMax = 256
	// PCIConfigAddr is kept free for a PCI Express configuration window.
	PCIConfigAddr = 0xe0000000
	PCIConfigSize = 0x10000000
	// IOAPICAddr is the IOAPIC of KVM's irqchip.
	IOAPICAddr = 0xfec00000
	// LAPICAddr is the local APIC of each vCPU.
	LAPICAddr = 0xfee00000
	// IdentityMapAddr is the page for KVM_SET_IDENTITY_MAP_ADDR, and TSSAddr
	// the three pages for KVM_SET_TSS_ADDR; hosts with VMX need both.
	IdentityMapAddr = 0xfffbc000
	TSSAddr         = 0xfffbd000
)

// Interrupt lines (GSIs) and I/O ports of the fixed devices.
const (
	// IOAPICPins is the number of GSIs of KVM's IOAPIC.
	IOAPICPins = 24
	// COM1Port and COM1GSI are those of the first serial port.
	COM1Port = 0x3f8
	COM1GSI  = 4
	// RTCPort and RTCGSI are those of the CMOS clock.
	RTCPort = 0x70
	RTCGSI  = 8
	// I8042DataPort, I8042CommandPort and I8042GSI are those of the keyboard controller.
	I8042DataPort    = 0x60
	I8042CommandPort = 0x64
	I8042GSI         = 1
	// PowerButtonGSI is pulsed to ask the guest to shut down.
	PowerButtonGSI = 9
	// VirtioGSI is the first GSI for virtio-mmio devices; up to IOAPICPins-1.
	VirtioGSI = 10
	// SleepControlPort and SleepStatusPort are the ACPI sleep registers, one
	// byte each: a write of SleepEnable|S5Type<<2 to the first powers off.
	SleepControlPort = 0x600
	SleepStatusPort  = 0x601
	// ResetPort is the ACPI reset register, one byte: ResetValue resets.
	ResetPort  = 0x602
	ResetValue = 0x01
)

// minRAM is what the boot data and the smallest kernel load address ask for.
const minRAM = 4 << 20

// maxRAM keeps guest-physical addresses inside the 46 bits that any amd64
// processor with KVM handles with four-level paging.
const maxRAM = 1 << 45

// Layout is the guest-physical memory map of an amd64 guest. The zero value
// has no RAM; use NewLayout.
type Layout struct {
	ram uint64
}

// NewLayout lays out ram bytes of guest RAM, a multiple of PageSize of 4 MiB or more.
func NewLayout(ram uint64) (Layout, error) {
	switch {
	case ram < minRAM:
		return Layout{}, &boot.TooSmallError{Need: minRAM, Have: ram, For: "any amd64 guest"}
	case ram > maxRAM:
		return Layout{}, fmt.Errorf("guest memory of %s is more than the %s that can be addressed", boot.Bytes(ram), boot.Bytes(maxRAM))
	case ram%PageSize != 0:
		return Layout{}, fmt.Errorf("guest memory of %d bytes is not a multiple of %d; round it", ram, PageSize)
	}
	return Layout{ram: ram}, nil
}

// Size returns the bytes of RAM.
func (l Layout) Size() uint64 { return l.ram }

// Low returns RAM below the hole. It begins at 0 and is what the machine maps;
// the kernel is told to keep off parts of the first MiB by Map.
func (l Layout) Low() boot.Range { return boot.Range{Size: min(l.ram, HoleAddr)} }

// High returns RAM above 4 GiB; it is empty for guests of up to 3 GiB.
func (l Layout) High() boot.Range {
	return boot.Range{Start: HoleEnd, Size: l.ram - l.Low().Size}
}

// RAM returns the ranges of guest-physical addresses to back with memory.
func (l Layout) RAM() []boot.Range {
	if l.High().Empty() {
		return []boot.Range{l.Low()}
	}
	return []boot.Range{l.Low(), l.High()}
}

// Contains reports whether r lies wholly in RAM that a kernel image may use:
// above the first MiB, where the boot data is, and below the hole.
func (l Layout) Contains(r boot.Range) bool {
	return r.Start >= HighAddr && l.Low().Contains(r)
}

// VirtioWindow returns the i-th virtio-mmio register window, 0 <= i < VirtioMax.
func (Layout) VirtioWindow(i int) boot.Range {
	return boot.Range{Start: VirtioAddr + uint64(i)*VirtioStride, Size: VirtioSize}
}
