package virtio

// ReadConfig is Device.ReadConfig for a configuration that stands in memory.
func ReadConfig(config []byte, off uint64, p []byte) {
	clear(p)
	if off < uint64(len(config)) {
		copy(p, config[off:])
	}
}
