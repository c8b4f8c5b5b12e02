package kvm

import "linuxkvm/uapi"

const (
	irqChipCap   = uapi.CapS390IRQChip
	irqChipSince = "3.15"

	irqChipDevice = 0 // no device of CreateDevice's
)
