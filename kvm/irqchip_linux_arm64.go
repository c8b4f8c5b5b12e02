package kvm

import "linuxkvm/uapi"

const (
	irqChipCap   = uapi.CapIRQChip
	irqChipSince = "3.11"

	irqChipDevice = uapi.DevTypeArmVGICV2 // what it makes, as CreateDevice would
)
