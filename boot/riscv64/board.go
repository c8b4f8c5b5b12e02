package riscv64

import (
	"fmt"
	"math/bits"

	"linuxkvm/boot"
	"linuxkvm/boot/fdt"
)

// Board is the hardware of a machine besides its memory: what the devicetree says.
type Board struct {
	// CPUs is the number of vCPUs. The hart ids are 0 to CPUs-1.
	CPUs int
	// ISA is what every vCPU offers.
	ISA ISA
	// TimebaseFrequency is that of the time register, in Hz.
	TimebaseFrequency uint64
	// AIA says that there are an APLIC and an IMSIC for each vCPU, with so many
	// identities; 0 says that there is a PLIC instead.
	AIA uint32
	// UART and RTC say whether the 16550 and the Goldfish clock are there.
	UART, RTC bool
	// Virtio are the virtio-mmio windows in use.
	Virtio []Virtio
}

// ISA is an instruction set with its extensions.
type ISA struct {
	// Extensions are their names in lower case: "i", "m", "zicbom". They are given
	// to the kernel in the order that the naming rules ask for.
	Extensions []string
	// MMU is the widest mode of translation: 39, 48 or 57; 0 if it is unknown.
	MMU int
	// CBOM, CBOZ and CBOP are the sizes in bytes of the blocks that the
	// instructions of these extensions work on; 0 where there are none.
	CBOM, CBOZ, CBOP uint32
}

// Virtio is a virtio-mmio device.
type Virtio struct {
	Window boot.Range // guest-physical
	IRQ    uint32
}

// singleLetters is the order of extensions with names of one letter.
const singleLetters = "imafdqlcbkjtpvnh"

// String returns the instruction set as the property riscv,isa has it.
func (isa ISA) String() string {
	s := "rv64"
	for _, letter := range singleLetters {
		for _, e := range isa.Extensions {
			if e == string(letter) {
				s += e
			}
		}
	}
	for _, e := range isa.Extensions {
		if len(e) > 1 {
			s += "_" + e
		}
	}
	return s
}

// Handles by which nodes refer to each other. The interrupt controller of hart i
// has handle hartHandle+i.
const (
	irqHandle   = 1
	imsicHandle = 2
	hartHandle  = 16
)

// Interrupts inside a hart, and how a wired one is triggered.
const (
	supervisorExternal = 9

	edgeRising = 1
	levelHigh  = 4
)

// tree describes the board without memory and without what is chosen at boot.
func (b *Board) tree(l Layout) *fdt.Node {
	root := fdt.New()
	root.Text("compatible", "linux,dummy-virt").Text("model", "linuxkvm microVM")
	root.Uint32("#address-cells", 2).Uint32("#size-cells", 2)
	b.cpus(root.Child("cpus"))
	soc := root.Child("soc").Text("compatible", "simple-bus").Flag("ranges")
	// Not at the root: the harts' own controllers would then wait for this one.
	soc.Uint32("#address-cells", 2).Uint32("#size-cells", 2).Uint32("interrupt-parent", irqHandle)
	if b.AIA != 0 {
		b.imsics(soc.At("interrupt-controller", l.IMSIC(0)))
		b.aplic(soc.At("interrupt-controller", APLICAddr))
	} else {
		b.plic(soc.At("interrupt-controller", PLICAddr))
	}
	b.devices(root, soc)
	return root
}

func (b *Board) cpus(n *fdt.Node) {
	n.Uint32("#address-cells", 1).Uint32("#size-cells", 0).Uint32("timebase-frequency", uint32(b.TimebaseFrequency))
	for id := range b.CPUs {
		cpu := n.At("cpu", uint64(id)).Text("device_type", "cpu").Text("compatible", "riscv")
		cpu.Uint32("reg", uint32(id)).Text("status", "okay")
		b.ISA.describe(cpu)
		intc := cpu.Child("interrupt-controller").Text("compatible", "riscv,cpu-intc").Flag("interrupt-controller")
		intc.Uint32("#interrupt-cells", 1).Uint32("#address-cells", 0).Uint32("phandle", hartHandle+uint32(id))
	}
}

func (isa ISA) describe(cpu *fdt.Node) {
	cpu.Text("riscv,isa", isa.String())
	// The same for newer kernels, which take no string apart.
	cpu.Text("riscv,isa-base", "rv64i").Text("riscv,isa-extensions", isa.Extensions...)
	if isa.MMU != 0 {
		cpu.Text("mmu-type", fmt.Sprintf("riscv,sv%d", isa.MMU))
	}
	for _, block := range []struct {
		name string
		size uint32
	}{{"cbom", isa.CBOM}, {"cboz", isa.CBOZ}, {"cbop", isa.CBOP}} {
		if block.size != 0 {
			cpu.Uint32("riscv,"+block.name+"-block-size", block.size)
		}
	}
}

// toHarts are the specifiers of each hart's external interrupt.
func (b *Board) toHarts() []uint32 {
	var cells []uint32
	for id := range b.CPUs {
		cells = append(cells, hartHandle+uint32(id), supervisorExternal)
	}
	return cells
}

// plic describes a PLIC with a context for each hart's supervisor mode.
func (b *Board) plic(n *fdt.Node) {
	n.Text("compatible", "sifive,plic-1.0.0", "riscv,plic0").Uint64("reg", PLICAddr, PLICSize)
	n.Flag("interrupt-controller").Uint32("#interrupt-cells", 1).Uint32("#address-cells", 0)
	n.Uint32("interrupts-extended", b.toHarts()...).Uint32("riscv,ndev", Sources).Uint32("phandle", irqHandle)
}

func (b *Board) imsics(n *fdt.Node) {
	n.Text("compatible", "qemu,imsics", "riscv,imsics").Uint64("reg", IMSICAddr, uint64(b.CPUs)*IMSICStride)
	n.Flag("interrupt-controller").Uint32("#interrupt-cells", 0).Uint32("#address-cells", 0)
	n.Flag("msi-controller").Uint32("#msi-cells", 0)
	n.Uint32("interrupts-extended", b.toHarts()...).Uint32("riscv,num-ids", b.AIA)
	n.Uint32("riscv,hart-index-bits", HartIndexBits(b.CPUs)).Uint32("phandle", imsicHandle)
}

// HartIndexBits is the number of address bits that tell the IMSICs of so many vCPUs
// apart.
func HartIndexBits(cpus int) uint32 { return uint32(bits.Len(uint(cpus - 1))) }

func (b *Board) aplic(n *fdt.Node) {
	n.Text("compatible", "qemu,aplic", "riscv,aplic").Uint64("reg", APLICAddr, APLICSize)
	n.Flag("interrupt-controller").Uint32("#interrupt-cells", 2).Uint32("#address-cells", 0)
	n.Uint32("msi-parent", imsicHandle).Uint32("riscv,num-sources", Sources).Uint32("phandle", irqHandle)
}

// wired is the specifier of an interrupt: a PLIC does not care how it is triggered.
func (b *Board) wired(irq, trigger uint32) []uint32 {
	if b.AIA != 0 {
		return []uint32{irq, trigger}
	}
	return []uint32{irq}
}

func (b *Board) devices(root, soc *fdt.Node) {
	if b.UART {
		uart := soc.At("serial", UARTAddr).Text("compatible", "ns16550a").Uint64("reg", UARTAddr, UARTSize)
		uart.Uint32("clock-frequency", 3_686_400).Uint32("interrupts", b.wired(UARTIRQ, levelHigh)...)
		root.Child("chosen").Text("stdout-path", fmt.Sprintf("/soc/serial@%x", UARTAddr))
	}
	if b.RTC {
		rtc := soc.At("rtc", RTCAddr).Text("compatible", "google,goldfish-rtc").Uint64("reg", RTCAddr, RTCSize)
		rtc.Uint32("interrupts", b.wired(RTCIRQ, levelHigh)...)
	}
	for _, v := range b.Virtio {
		n := soc.At("virtio_mmio", v.Window.Start).Text("compatible", "virtio,mmio").Flag("dma-coherent")
		n.Uint64("reg", v.Window.Start, v.Window.Size).Uint32("interrupts", b.wired(v.IRQ, edgeRising)...)
	}
}
