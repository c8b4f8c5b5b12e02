package main

import "linuxkvm/cmd/microvm/internal/host"

// plausible reports whether this may be the processor of a host with KVM.
func plausible(c *host.CPU) bool {
	return len(c.Vendor) == 12 && c.Family >= 6 && len(c.Features) >= 20 && len(c.KVM) > 0
}
