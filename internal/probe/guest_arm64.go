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

// contents are the code, which is the same for both modes. X0 counts, and X1 holds
// deviceAddr.
var contents = map[int64][]byte{
	loopCode: code(
		0xf1000400, // again: subs x0, x0, #1
		0x54ffffe1, //        b.ne again
		0xb9000020, //        str w0, [x1]
		0x00000000, //        udf
	),
	exitCode: code(
		0xb9000020, // again: str w0, [x1]
		0x17ffffff, //        b again
	),
}

func code(instructions ...uint32) []byte {
	var b []byte
	for _, i := range instructions {
		b = binary.LittleEndian.AppendUint32(b, i)
	}
	return b
}

// Ids of registers, by their place in struct kvm_regs in words of 32 bits.
const (
	coreReg   = uapi.RegArm64 | uapi.RegSizeU64 | uapi.RegArmCore
	regX0     = coreReg | 2*0
	regX1     = coreReg | 2*1
	regPC     = coreReg | 2*32
	regPSTATE = coreReg | 2*33
)

// PSTATE with every interrupt masked, at EL1 and at EL0.
const (
	pstateEL1 = 0xf<<6 | 0b0101
	pstateEL0 = 0xf << 6
)

// prepare makes the vCPU like the host's processor.
func (g *guest) prepare(*kvm.System) error {
	init, err := g.vm.ArmPreferredTarget()
	if err != nil {
		return err
	}
	return g.cpu.ArmVCPUInit(&init)
}

// enter sets the vCPU up to run the code at pc with n in X0.
func (g *guest) enter(m mode, pc, n uint64) error {
	pstate := uint64(pstateEL1)
	if m == userMode {
		pstate = pstateEL0
	}
	if err := g.complete(); err != nil {
		return fmt.Errorf("probe: %w", err)
	}
	for id, v := range map[uint64]uint64{regX0: n, regX1: deviceAddr, regPC: pc, regPSTATE: pstate} {
		if err := g.cpu.SetOneRegUint64(id, v); err != nil {
			return fmt.Errorf("probe: %w", err)
		}
	}
	return nil
}
