package boot

import "fmt"

// Arch is the architecture of a kernel.
type Arch uint8

// The architectures a kernel image can name. Not all of them have a loader.
const (
	UnknownArch Arch = iota
	AMD64
	I386
	ARM64
	ARM
	RISCV64
	RISCV32
	LoongArch64
	PPC64
	S390X
	MIPS
)

var archNames = [...]string{"an unknown architecture", "x86-64", "32-bit x86", "arm64", "32-bit arm", "riscv64", "riscv32",
	"loongarch64", "powerpc", "s390x", "mips"}

// String returns the name used in messages.
func (a Arch) String() string {
	if int(a) < len(archNames) {
		return archNames[a]
	}
	return fmt.Sprintf("arch %d", uint8(a))
}

// elfArch tells the architecture from e_machine and the class (1 is 32-bit).
func elfArch(machine uint16, class byte) Arch {
	wide := class != 1
	pick := func(narrow, full Arch) Arch {
		if wide {
			return full
		}
		return narrow
	}
	switch machine {
	case 3:
		return I386
	case 62:
		return AMD64
	case 183:
		return ARM64
	case 40:
		return ARM
	case 243:
		return pick(RISCV32, RISCV64)
	case 258:
		return LoongArch64
	case 20, 21:
		return PPC64
	case 22:
		return S390X
	case 8:
		return MIPS
	}
	return UnknownArch
}

// peArch tells the architecture from the machine field of a PE file.
func peArch(machine uint16) Arch {
	switch machine {
	case 0x14c:
		return I386
	case 0x8664:
		return AMD64
	case 0xaa64:
		return ARM64
	case 0x1c0, 0x1c2, 0x1c4:
		return ARM
	case 0x5064:
		return RISCV64
	case 0x5032:
		return RISCV32
	case 0x6264:
		return LoongArch64
	}
	return UnknownArch
}
