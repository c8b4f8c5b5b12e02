package rig

// lanes is the table. A further lane is a further row.
var lanes = []Lane{
	{
		Name: "amd64-6.1", GOARCH: "amd64",
		Suite: "bookworm", DebArch: "amd64", Packages: []string{"linux-image-cloud-amd64"},
		QEMU: "qemu-system-x86_64", QEMUPackage: "qemu-system-x86",
		Machine: amd64Machine, Console: "ttyS0", Modules: amd64FullModules, HardwareModules: amd64HardwareModules,
	},
	{
		Name: "amd64-6.12", GOARCH: "amd64",
		Suite: "trixie", DebArch: "amd64", Packages: []string{"linux-image-cloud-amd64"},
		QEMU: "qemu-system-x86_64", QEMUPackage: "qemu-system-x86",
		Machine: amd64Machine, Console: "ttyS0", Modules: amd64Modules, HardwareModules: amd64HardwareModules,
	},
	{
		Name: "amd64-newest", GOARCH: "amd64",
		Suite: "sid", DebArch: "amd64", Packages: []string{"linux-image-cloud-amd64"},
		QEMU: "qemu-system-x86_64", QEMUPackage: "qemu-system-x86",
		Machine: amd64Machine, Console: "ttyS0", Modules: amd64Modules, HardwareModules: amd64HardwareModules,
	},
	{
		Name: "arm64-6.1", GOARCH: "arm64",
		Suite: "bookworm", DebArch: "arm64", Packages: []string{"linux-image-cloud-arm64"},
		QEMU: "qemu-system-aarch64", QEMUPackage: "qemu-system-arm",
		Machine: arm64OldMachine, Console: "ttyAMA0", Modules: channelModules,
	},
	{
		Name: "arm64-newest", GOARCH: "arm64",
		Suite: "sid", DebArch: "arm64", Packages: []string{"linux-image-cloud-arm64"},
		QEMU: "qemu-system-aarch64", QEMUPackage: "qemu-system-arm",
		Machine: arm64Machine, Console: "ttyAMA0", Modules: channelModules,
	},
	{
		Name: "riscv64-6.12", GOARCH: "riscv64",
		Suite: "trixie", DebArch: "riscv64", Packages: []string{"linux-image-riscv64"},
		QEMU: "qemu-system-riscv64", QEMUPackage: "qemu-system-riscv",
		Machine: riscv64Machine, Console: "ttyS0", Modules: riscv64Modules,
	},
	{
		// The same with the interrupt controllers that KVM can give to guests.
		Name: "riscv64-aia", GOARCH: "riscv64",
		Suite: "trixie", DebArch: "riscv64", Packages: []string{"linux-image-riscv64"},
		QEMU: "qemu-system-riscv64", QEMUPackage: "qemu-system-riscv",
		Machine: riscv64AIAMachine, Console: "ttyS0", Modules: riscv64Modules,
	},
	{
		// A guest of a hypervisor, whose own guests are nested.
		Name: "ppc64le-6.1", GOARCH: "ppc64le",
		Suite: "bookworm", DebArch: "ppc64el", Packages: []string{"linux-image-powerpc64le"},
		QEMU: "qemu-system-ppc64", QEMUPackage: "qemu-system-ppc",
		Machine: pseriesMachine, Console: "hvc0", Modules: ppc64leModules,
	},
	{
		// A bare machine, which can do what nested guests cannot. XIVE needs a kernel
		// with pages of 64 KiB.
		Name: "ppc64le-powernv", GOARCH: "ppc64le",
		Suite: "sid", DebArch: "ppc64el", Packages: []string{"linux-image-powerpc64le-64k"},
		QEMU: "qemu-system-ppc64", QEMUPackage: "qemu-system-ppc",
		Machine: powernvMachine, Console: "hvc0", Modules: ppc64leModules,
	},
}

// The processor is AMD's: QEMU emulates SVM and not VMX.
var amd64Machine = []string{"-machine", "q35", "-cpu", "max,+svm"}

var amd64Modules = append([]Module{{Name: "kvm-amd"}}, channelModules...)

// amd64FullModules are those of the lane that has every test: for network interfaces, too.
var amd64FullModules = append([]Module{{Name: "tun"}}, amd64Modules...)

var amd64HardwareModules = append([]Module{
	{Name: "tun", Optional: true},
	{Name: "kvm-amd", Optional: true}, {Name: "kvm-intel", Optional: true},
}, channelModules...)

// The processors have EL2, and KVM is built into the kernels. One is old and small:
// without virtualization host extensions, so that KVM has its own way around its
// kernel, and with a GICv2. It is much faster to emulate than the other, which has
// all that QEMU knows, memory tags and vectors of any length among it, and a GICv3.
// (QEMU's own algorithm for pointer authentication is faster than the architected
// one.)
var (
	arm64OldMachine = []string{"-machine", "virt,virtualization=on,gic-version=2", "-cpu", "cortex-a57"}
	arm64Machine    = []string{"-machine", "virt,virtualization=on,gic-version=3,mte=on", "-cpu", "max,pauth-impdef=on"}
)

var (
	riscv64Machine    = []string{"-machine", "virt", "-cpu", "rv64,h=true"}
	riscv64AIAMachine = []string{"-machine", "virt,aia=aplic-imsic,aia-guests=3", "-cpu", "rv64,h=true,smaia=true,ssaia=true,smstateen=true,zkr=true"}

	riscv64Modules = append([]Module{{Name: "kvm"}}, channelModules...)
)

// QEMU is the hypervisor of this one, with the hypercalls for nested guests of
// POWER9's time. Emulation has none of the mitigations that the machine otherwise
// promises.
var pseriesMachine = []string{
	"-machine", "pseries,cap-nested-hv=on,cap-cfpc=broken,cap-sbbc=broken,cap-ibs=broken,cap-ccf-assist=off", "-cpu", "POWER9",
}

// The processor of this one is in hypervisor mode, under OPAL, which powers the
// machine off through its management controller. Without QEMU's defaults it has no
// PCI but what is named.
var powernvMachine = []string{
	"-machine", "powernv9", "-cpu", "POWER9",
	"-device", "pnv-phb,chip-id=0,index=0,id=phb", "-device", "pnv-phb-root-port,bus=phb",
	"-device", "ipmi-bmc-sim,id=bmc", "-device", "isa-ipmi-bt,bmc=bmc,irq=10",
}

var ppc64leModules = append([]Module{{Name: "kvm-hv"}}, channelModules...)

// channelModules carry the frames between the host and the guest's agent.
var channelModules = []Module{{Name: "virtio_pci"}, {Name: "virtio_console"}}
