package rig

// lanes is the table. A further lane is a further row.
var lanes = []Lane{
	{
		Name: "amd64-6.1", GOARCH: "amd64",
		Suite: "bookworm", DebArch: "amd64", Packages: []string{"linux-image-cloud-amd64"},
		QEMU: "qemu-system-x86_64", QEMUPackage: "qemu-system-x86",
		Machine: amd64Machine, Console: "ttyS0", Modules: amd64Modules, HardwareModules: amd64HardwareModules,
	},
	{
		Name: "amd64-newest", GOARCH: "amd64",
		Suite: "sid", DebArch: "amd64", Packages: []string{"linux-image-cloud-amd64"},
		QEMU: "qemu-system-x86_64", QEMUPackage: "qemu-system-x86",
		Machine: amd64Machine, Console: "ttyS0", Modules: amd64Modules, HardwareModules: amd64HardwareModules,
	},
}

// The processor is AMD's: QEMU emulates SVM and not VMX.
var amd64Machine = []string{"-machine", "q35", "-cpu", "max,+svm"}

var amd64Modules = append([]Module{{Name: "kvm-amd"}}, channelModules...)

var amd64HardwareModules = append([]Module{
	{Name: "kvm-amd", Optional: true}, {Name: "kvm-intel", Optional: true},
}, channelModules...)

// channelModules carry the frames between the host and the guest's agent.
var channelModules = []Module{{Name: "virtio_pci"}, {Name: "virtio_console"}}
