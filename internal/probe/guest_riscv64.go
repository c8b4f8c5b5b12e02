package probe

import (
	"encoding/binary"
	"fmt"

	"linuxkvm/kvm"
	"linuxkvm/uapi"
)

// Guest-physical addresses of the guest's memory. There is no translation.
const (
	ramAddr  = 0x8000_0000
	loopCode = ramAddr + 0x4000
	exitCode = ramAddr + 0x4100
	// nowhere is an address without memory: nothing can be fetched there.
	nowhere = 0x1000_0000
)

// deviceExit is the exit for deviceAddr, which the guests write to when they are
// done.
const (
	deviceExit = uapi.ExitMMIO
	deviceAddr = 0x1000
)

// contents are the code, which is the same for both modes. A0 counts, and A1 holds
// deviceAddr.
var contents = map[int64][]byte{
	loopCode: code(
		0xfff50513, // again: addi a0, a0, -1
		0xfe051ee3, //        bnez a0, again
		0x00a5a023, //        sw a0, (a1)
		0x00000000, //        unimp
	),
	exitCode: code(
		0x00a5a023, // again: sw a0, (a1)
		0xffdff06f, //        j again
	),
}

func code(instructions ...uint32) []byte {
	var b []byte
	for _, i := range instructions {
		b = binary.LittleEndian.AppendUint32(b, i)
	}
	return b
}

// Ids of registers, by their place in struct kvm_riscv_core in words of 64 bits.
const (
	coreReg = uapi.RegRISCV | uapi.RegSizeU64 | uapi.RegRISCVCore
	regPC   = coreReg // the first
	regA0   = coreReg | 10
	regA1   = coreReg | 11
	regMode = coreReg | 32
)

// prepare has nothing to do: KVM makes a vCPU like the host's processor.
func (g *guest) prepare(*kvm.System) error { return nil }

// enter sets the vCPU up to run the code at pc with n in A0.
func (g *guest) enter(m mode, pc, n uint64) error {
	privilege := uint64(uapi.RISCVModeS)
	if m == userMode {
		privilege = uapi.RISCVModeU
	}
	if err := g.complete(); err != nil {
		return fmt.Errorf("probe: %w", err)
	}
	for id, v := range map[uint64]uint64{regA0: n, regA1: deviceAddr, regPC: pc, regMode: privilege} {
		if err := g.cpu.SetOneRegUint64(id, v); err != nil {
			return fmt.Errorf("probe: %w", err)
		}
	}
	return nil
}
