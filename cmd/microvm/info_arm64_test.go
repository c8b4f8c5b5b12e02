package main

import "linuxkvm/cmd/microvm/internal/host"

// plausible reports whether this may be the processor of a host with KVM.
func plausible(c *host.CPU) bool {
	return c.MIDR != 0 && c.PhysicalBits >= 32 && c.PhysicalBits <= 56 && c.Features != nil
}
