package riscv64

import (
	"fmt"

	"linuxkvm/boot"
	"linuxkvm/boot/flat"
)

// PageSize is what guest memory is a multiple of, in bytes.
const PageSize = flat.PageSize

// Guest-physical addresses and sizes of the devices, all below RAM.
const (
	// APLICAddr and PLICAddr are the controller of wired interrupts: an APLIC, 16
	// KiB, or a PLIC. A machine has one of them.
	APLICAddr = 0x0c00_0000
	APLICSize = 0x4000
	PLICAddr  = 0x0c00_0000
	PLICSize  = 0x0060_0000
	// UARTAddr is the 16550, eight registers of one byte.
	UARTAddr = 0x1000_0000
	UARTSize = 8
	// RTCAddr is the Goldfish clock, a page.
	RTCAddr = 0x1001_0000
	RTCSize = 0x1000
	// VirtioAddr is the first virtio-mmio window; see Layout.VirtioWindow.
	VirtioAddr = 0x1010_0000
	// VirtioStride separates two windows, VirtioSize of it is registers.
	VirtioStride = 0x1000
	VirtioSize   = 0x200
	// VirtioMax is the number of windows: one for each interrupt left.
	VirtioMax = Sources + 1 - VirtioIRQ
	// IMSICAddr is the first controller of message-signaled interrupts, a page for
	// each vCPU.
	IMSICAddr   = 0x2800_0000
	IMSICStride = 0x1000
	// RAMAddr is where RAM begins.
	RAMAddr = 0x8000_0000
)

// Wired interrupts, which count from 1.
const (
	UARTIRQ   = 1
	RTCIRQ    = 2
	VirtioIRQ = 8
	// Sources is how many there are.
	Sources = 63
)

// maxRAM is less than the 50 bits that KVM's largest guest-physical space has;
// what a host can do is for the machine to find out.
const maxRAM = 1 << 49

// minRAM is what the smallest kernel, its devicetree and their alignment take.
const minRAM = 8 << 20

// Layout is the guest-physical memory map of a riscv64 guest. The zero value has
// no RAM; use NewLayout.
type Layout struct{ ram uint64 }

// NewLayout lays out ram bytes of guest RAM, a multiple of PageSize of 8 MiB or more.
func NewLayout(ram uint64) (Layout, error) {
	switch {
	case ram < minRAM:
		return Layout{}, &boot.TooSmallError{Need: minRAM, Have: ram, For: "any riscv64 guest"}
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
// interrupt is VirtioIRQ+i.
func (Layout) VirtioWindow(i int) boot.Range {
	return boot.Range{Start: VirtioAddr + uint64(i)*VirtioStride, Size: VirtioSize}
}

// IMSIC returns the address of the message-signaled interrupt controller of the
// i-th vCPU.
func (Layout) IMSIC(i int) uint64 { return IMSICAddr + uint64(i)*IMSICStride }
