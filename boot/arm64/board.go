package arm64

import (
	"fmt"

	"linuxkvm/boot"
	"linuxkvm/boot/fdt"
)

// Board is the hardware of a machine besides its memory: what the devicetree says.
type Board struct {
	// CPUs are the affinity bits of each vCPU's MPIDR_EL1, in the order of the vCPUs.
	CPUs []uint64
	// GICVersion is 3 or 2; ITS says that a GICv3 has a translation service.
	GICVersion int
	ITS        bool
	// UART and RTC say whether the PL011 and the PL031 are there.
	UART, RTC bool
	// Virtio are the virtio-mmio windows in use.
	Virtio []Virtio
}

// Virtio is a virtio-mmio device.
type Virtio struct {
	Window boot.Range // guest-physical
	SPI    uint32
}

// Handles by which nodes refer to each other.
const (
	gicHandle   = 1
	clockHandle = 2
	itsHandle   = 3
)

// Interrupt specifiers: kind, number, and how it is triggered.
const (
	spi = 0
	ppi = 1

	edgeRising = 1
	levelHigh  = 4
)

// Private interrupts of the timers, by their numbers among the private ones: KVM
// raises the virtual and the physical one.
const (
	secureTimerPPI   = 13
	physicalTimerPPI = 14
	virtualTimerPPI  = 11
	hypTimerPPI      = 10
)

// tree describes the board without memory and without what is chosen at boot.
func (b *Board) tree() *fdt.Node {
	root := fdt.New()
	root.Text("compatible", "linux,dummy-virt").Text("model", "linuxkvm microVM")
	root.Uint32("#address-cells", 2).Uint32("#size-cells", 2).Uint32("interrupt-parent", gicHandle)
	b.cpus(root.Child("cpus"))
	// KVM answers PSCI calls made by the hypervisor call instruction.
	root.Child("psci").Text("compatible", "arm,psci-1.0", "arm,psci-0.2").Text("method", "hvc")
	b.timer(root.Child("timer"))
	b.gic(root.At("interrupt-controller", GICDistAddr))
	clock := root.Child("apb-pclk").Text("compatible", "fixed-clock").Uint32("#clock-cells", 0)
	clock.Uint32("clock-frequency", 24_000_000).Text("clock-output-names", "clk24mhz").Uint32("phandle", clockHandle)
	b.devices(root)
	return root
}

func (b *Board) cpus(n *fdt.Node) {
	n.Uint32("#address-cells", 2).Uint32("#size-cells", 0)
	for _, mpidr := range b.CPUs {
		cpu := n.At("cpu", mpidr).Text("device_type", "cpu").Text("compatible", "arm,armv8")
		cpu.Uint64("reg", mpidr).Text("enable-method", "psci")
	}
}

// timer describes the timers of each vCPU, which are part of the processor.
func (b *Board) timer(n *fdt.Node) {
	flags := uint32(levelHigh)
	if b.GICVersion == 2 {
		flags |= (1<<len(b.CPUs) - 1) << 8 // which processors a private interrupt has
	}
	n.Text("compatible", "arm,armv8-timer").Flag("always-on")
	n.Uint32("interrupts", ppi, secureTimerPPI, flags, ppi, physicalTimerPPI, flags,
		ppi, virtualTimerPPI, flags, ppi, hypTimerPPI, flags)
}

func (b *Board) gic(n *fdt.Node) {
	n.Flag("interrupt-controller").Uint32("#interrupt-cells", 3).Uint32("phandle", gicHandle)
	n.Uint32("#address-cells", 2).Uint32("#size-cells", 2).Flag("ranges")
	if b.GICVersion == 2 {
		n.Text("compatible", "arm,cortex-a15-gic").Uint64("reg", GICDistAddr, 0x1000, GICCPUAddr, 0x2000)
		return
	}
	n.Text("compatible", "arm,gic-v3")
	n.Uint64("reg", GICDistAddr, 0x10000, GICRedistAddr, uint64(len(b.CPUs))*0x20000)
	if b.ITS {
		its := n.At("msi-controller", GICITSAddr).Text("compatible", "arm,gic-v3-its")
		its.Flag("msi-controller").Uint32("#msi-cells", 1).Uint64("reg", GICITSAddr, 0x20000).Uint32("phandle", itsHandle)
	}
}

func (b *Board) devices(root *fdt.Node) {
	if b.UART {
		uart := root.At("serial", UARTAddr).Text("compatible", "arm,pl011", "arm,primecell")
		uart.Uint64("reg", UARTAddr, 0x1000).Uint32("interrupts", spi, UARTSPI, levelHigh)
		uart.Uint32("clocks", clockHandle, clockHandle).Text("clock-names", "uartclk", "apb_pclk")
		root.Child("chosen").Text("stdout-path", fmt.Sprintf("/serial@%x", UARTAddr))
	}
	if b.RTC {
		rtc := root.At("rtc", RTCAddr).Text("compatible", "arm,pl031", "arm,primecell")
		rtc.Uint64("reg", RTCAddr, 0x1000).Uint32("interrupts", spi, RTCSPI, levelHigh)
		rtc.Uint32("clocks", clockHandle).Text("clock-names", "apb_pclk")
	}
	for _, v := range b.Virtio {
		n := root.At("virtio_mmio", v.Window.Start).Text("compatible", "virtio,mmio").Flag("dma-coherent")
		n.Uint64("reg", v.Window.Start, v.Window.Size).Uint32("interrupts", spi, v.SPI, edgeRising)
	}
}
