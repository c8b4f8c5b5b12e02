package kvm

import "linuxkvm/uapi"

const (
	irqChipCap   = uapi.CapIRQChip
	irqChipSince = "3.11"
)
