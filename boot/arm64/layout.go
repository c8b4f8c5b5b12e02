package arm64

import (
	"fmt"

	"linuxkvm/boot"
	"linuxkvm/boot/flat"
)

// PageSize is what guest memory is a multiple of, in bytes: the largest page that
// a kernel may use.
const PageSize = flat.PageSize

// Guest-physical addresses and sizes of the devices, all below RAM.
const (
	// GICDistAddr is the distributor of the interrupt controller, 64 KiB of a GICv3
	// or 4 KiB of a GICv2.
	GICDistAddr = 0x0800_0000
	// GICCPUAddr is the CPU interface of a GICv2, 8 KiB.
	GICCPUAddr = 0x0801_0000
	// GICITSAddr is the interrupt translation service of a GICv3, 128 KiB.
	GICITSAddr = 0x0808_0000
	// GICRedistAddr is the first redistributor of a GICv3, 128 KiB for each vCPU.
	GICRedistAddr = 0x080a_0000
	// GICEnd is where the redistributors end at the latest.
	GICEnd = 0x0900_0000
	// UARTAddr and RTCAddr are the PL011 and the PL031, a page each.
	UARTAddr = 0x0900_0000
	RTCAddr  = 0x0901_0000
	// VirtioAddr is the first virtio-mmio window; see Layout.VirtioWindow.
	VirtioAddr = 0x0a00_0000
	// VirtioStride separates two windows, VirtioSize of it is registers.
	VirtioStride = 0x1000
	VirtioSize   = 0x200
	// VirtioMax is the number of windows: one for each interrupt left.
	VirtioMax = SPIs - VirtioSPI
	// RAMAddr is where RAM begins.
	RAMAddr = 0x4000_0000
)

// Shared peripheral interrupts, by their numbers among themselves: the interrupt
// controller counts from SPIBase on.
const (
	SPIBase   = 32
	UARTSPI   = 1
	RTCSPI    = 2
	VirtioSPI = 16
	// SPIs is how many there are.
	SPIs = 224
)

// maxRAM is less than what 52 bits address, the most that the architecture has;
// what a host can do is for the machine to find out.
const maxRAM = 1 << 51

// minRAM is what the smallest kernel, its devicetree and their alignment take.
const minRAM = 8 << 20

// Layout is the guest-physical memory map of an arm64 guest. The zero value has no
// RAM; use NewLayout.
type Layout struct{ ram uint64 }

// NewLayout lays out ram bytes of guest RAM, a multiple of PageSize of 8 MiB or more.
func NewLayout(ram uint64) (Layout, error) {
	switch {
	case ram < minRAM:
		return Layout{}, &boot.TooSmallError{Need: minRAM, Have: ram, For: "any arm64 guest"}
	case ram > maxRAM:
		return Layout{}, fmt.Errorf("guest memory of %s is more than the %s that can be addressed", boot.Bytes(ram), boot.Bytes(maxRAM))
	case ram%PageSize != 0:
		return Layout{}, fmt.Errorf("guest memory of %d bytes is not a multiple of %d; round it", ram, PageSize)
	}
	return Layout{ram}, nil
}

// Size returns the bytes of RAM.
func (l Layout) Size() uint64 { return l.ram }

// RAM returns the range of guest-physical addresses to back with memory.
func (l Layout) RAM() boot.Range { return boot.Range{Start: RAMAddr, Size: l.ram} }

// VirtioWindow returns the i-th virtio-mmio register window, 0 <= i < VirtioMax. Its
// interrupt is VirtioSPI+i.
func (Layout) VirtioWindow(i int) boot.Range {
	return boot.Range{Start: VirtioAddr + uint64(i)*VirtioStride, Size: VirtioSize}
}
