package main

import (
	"strings"

	"linuxkvm/cmd/microvm/internal/host"
)

// plausible reports whether this may be the processor of a host with KVM.
func plausible(c *host.CPU) bool {
	return strings.HasPrefix(c.ISA, "rv64ima") && c.Timebase >= 1000 && (c.PhysicalBits == 0 || c.PhysicalBits >= 32)
}
