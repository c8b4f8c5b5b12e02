package kvm

import "linuxkvm/uapi"

const (
	irqChipCap   = uapi.CapS390IRQChip
	irqChipSince = "3.15"
)
