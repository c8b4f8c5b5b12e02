package wire

// PortName is the name of the virtio-serial port that carries the frames.
const PortName = "linuxkvm.rig"

// BootConfigPath is where the initramfs holds the BootConfig, as JSON.
const BootConfigPath = "/rig/boot.json"

// FatalPrefix starts a line on the console by which the guest's init says why
// it gives up before it could say so in a frame.
const FatalPrefix = "rig-init: fatal: "

// BootConfig is what the agent reads when it comes up.
type BootConfig struct {
	// Modules are loaded in this order.
	Modules []Module
}

// Module is a kernel module in the initramfs.
type Module struct {
	Name string
	// Path is the uncompressed file in the initramfs.
	Path string
	// Params are its parameters: "nested=1 x=y".
	Params string
	// Optional modules may fail to load without being a problem.
	Optional bool
}
