package host

// Info is what this host's KVM offers.
type Info struct {
	Kernel       string       `json:"kernel"` // release of the running kernel
	Module       Module       `json:"module"`
	APIVersion   int          `json:"api_version"`
	Limits       Limits       `json:"limits"`
	CPU          CPU          `json:"cpu"`
	Measured     Measured     `json:"measured"`
	Confinement  Confinement  `json:"confinement"`
	Capabilities []Capability `json:"capabilities"`
}

// Limits are the sizes a VM may have.
type Limits struct {
	RecommendedVCPUs int `json:"recommended_vcpus"`
	MaxVCPUs         int `json:"max_vcpus"`
	MaxVCPUID        int `json:"max_vcpu_id"` // the largest id
	MemorySlots      int `json:"memory_slots"`
	VCPUMmapSize     int `json:"vcpu_mmap_size"` // bytes a vCPU shares with its user
}

// Measured is what tiny guests showed.
type Measured struct {
	// ExitNS is the median time of an exit for a device (port I/O on amd64, MMIO
	// elsewhere), in nanoseconds.
	ExitNS int64 `json:"exit_ns"`
	// KernelLoopNS and UserLoopNS are nanoseconds for one iteration of a loop
	// of two instructions in guest kernel and guest user mode.
	KernelLoopNS float64 `json:"kernel_loop_ns"`
	UserLoopNS   float64 `json:"user_loop_ns"`
	// KernelModeEmulated is whether an operating system would crawl.
	KernelModeEmulated bool   `json:"kernel_mode_emulated"`
	Advice             string `json:"advice"`
	// Error is why nothing was measured; the rest is zero then.
	Error string `json:"error,omitempty"`
}
