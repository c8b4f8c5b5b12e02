package kmod

// Virtio is the transport that each of our guests needs.
var Virtio = Module{Name: "virtio_mmio", Optional: true}

// GuestModules are what a guest of ours may need, by what for. All are optional:
// a kernel may have them built in, or do without.
var GuestModules = map[string][]Module{
	"block":   {{Name: "virtio_blk", Optional: true}},
	"net":     {{Name: "virtio_net", Optional: true}},
	"vsock":   {{Name: "vmw_vsock_virtio_transport", Optional: true}},
	"fs":      {{Name: "virtiofs", Optional: true}},
	"console": {{Name: "virtio_console", Optional: true}},
	"rng":     {{Name: "virtio_rng", Optional: true}},
	"balloon": {{Name: "virtio_balloon", Optional: true}},
	"overlay": {{Name: "overlay", Optional: true}},
	"ext4":    {{Name: "crc32c_generic", Optional: true}, {Name: "ext4", Optional: true}},
}
