package x86

import "linuxkvm/boot"

// ResetVectorAddr is where a PC's BIOS begins after a reset, F000:FFF0. The 16
// bytes there are the last of the ACPI area.
const ResetVectorAddr = 0xffff0

// WriteResetVector puts there the one thing this machine's guest expects of a
// BIOS. With hardware-reduced ACPI and no EFI, Linux reboots by jumping to the
// BIOS in real mode; it finds code that writes the reset register.
func WriteResetVector(m boot.Memory) error {
	return boot.Write(m, ResetVectorAddr, []byte{
		0xba, ResetPort & 0xff, ResetPort >> 8, // mov dx, ResetPort
		0xb0, ResetValue, // mov al, ResetValue
		0xee,       // out dx, al
		0xf4,       // hlt
		0xeb, 0xfd, // jmp to the hlt
	})
}
