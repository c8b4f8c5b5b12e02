//go:build linux

package uapi

import (
	"cmp"
	"slices"
	"strconv"
)

// RegValue is what a register of KVM_GET_ONE_REG holds, by its width: a number of
// up to 64 bits; 128 bits as two, in the order that the machine has them in
// memory; more as bytes.
type RegValue interface {
	uint8 | uint16 | uint32 | uint64 | [2]uint64 | [32]byte | [64]byte | [128]byte | [256]byte
}

// RegID is the id of a register whose value is a T. The constants with this type
// are all the registers that the headers know; what there are too many of has
// functions that make ids.
type RegID[T RegValue] uint64

// Reg is the id as one whose width only the id tells.
func (id RegID[T]) Reg() Reg { return Reg(id) }

// String returns the register's name, as [Reg.String] does.
func (id RegID[T]) String() string { return Reg(id).String() }

// Reg is the id of any register of KVM_GET_ONE_REG, such as those that
// KVM_GET_REG_LIST returns.
type Reg uint64

// Size returns the size of the register in bytes, or 0 for an id that is none.
func (r Reg) Size() int {
	shift := r & RegSizeMask >> RegSizeShift
	if shift > 8 {
		return 0
	}
	return 1 << shift
}

// String returns the register's name, "KVM_REG_ARM_CORE_REG(regs.pc)" or
// "SCTLR_EL1", for an id of this architecture; of a register without one what
// kind it is and its number there; and "Reg(0x123)" for anything else.
func (r Reg) String() string {
	at, ok := slices.BinarySearchFunc(regNames, r, func(n regName, r Reg) int { return cmp.Compare(n.id, r) })
	if ok {
		return regNames[at].name
	}
	if name := regKind(r); name != "" {
		return name
	}
	return "Reg(0x" + strconv.FormatUint(uint64(r), 16) + ")"
}

// regName is a register that has a name of its own.
type regName struct {
	id   Reg
	name string
}

// regSize is the part of an id that says how wide a T is.
func regSize[T RegValue]() uint64 {
	var v T
	switch any(v).(type) {
	case uint8:
		return RegSizeU8
	case uint16:
		return RegSizeU16
	case uint32:
		return RegSizeU32
	case uint64:
		return RegSizeU64
	case [2]uint64:
		return RegSizeU128
	case [32]byte:
		return RegSizeU256
	case [64]byte:
		return RegSizeU512
	case [128]byte:
		return RegSizeU1024
	default:
		return RegSizeU2048
	}
}

// regNumbered is a kind of registers and the number of one, "CSR(0x5)".
func regNumbered(kind string, numbers ...uint64) string {
	s := kind + "("
	for i, n := range numbers {
		if i > 0 {
			s += ", "
		}
		s += "0x" + strconv.FormatUint(n, 16)
	}
	return s + ")"
}
