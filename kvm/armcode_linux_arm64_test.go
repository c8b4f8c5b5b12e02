package kvm

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"linuxkvm/memory"
	"linuxkvm/uapi"
)

// Instructions of A64 for the guests of tests, as the architecture's manual has
// them. Registers are numbers; xZR is the one that reads as zero.
const (
	xZR = 31

	insnNOP = 0xd503201f
	insnWFI = 0xd503207f
	insnISB = 0xd5033fdf
	insnHVC = 0xd4000002 // hvc #0
	insnBRK = 0xd4200000 // brk #0
)

// movz and movk put 16 bits at a position of 0, 16, 32 or 48 into a register:
// alone there, or among what it has.
func movz(rd uint32, v uint16, at uint32) uint32 { return 0xd2800000 | at/16<<21 | uint32(v)<<5 | rd }
func movk(rd uint32, v uint16, at uint32) uint32 { return 0xf2800000 | at/16<<21 | uint32(v)<<5 | rd }

// setX puts a number into a register.
func setX(rd uint32, v uint64) []uint32 {
	code := []uint32{movz(rd, uint16(v), 0)}
	for at := uint32(16); at < 64; at += 16 {
		if part := uint16(v >> at); part != 0 {
			code = append(code, movk(rd, part, at))
		}
	}
	return code
}

// store and load take a width of 1, 2, 4 or 8 bytes, and an offset that is a
// multiple of it. A load fills the register with zeros.
func store(width, rt, rn, offset uint32) uint32 { return 0x39000000 | moved(width, rt, rn, offset) }
func load(width, rt, rn, offset uint32) uint32  { return 0x39400000 | moved(width, rt, rn, offset) }

func moved(width, rt, rn, offset uint32) uint32 {
	size := map[uint32]uint32{1: 0, 2: 1, 4: 2, 8: 3}[width]
	return size<<30 | offset/width<<10 | rn<<5 | rt
}

// storePost writes 8 bytes and adds a step, -256 to 255, to the address.
func storePost(rt, rn uint32, step int32) uint32 {
	return 0xf8000400 | uint32(step)&0x1ff<<12 | rn<<5 | rt
}

func addImm(rd, rn, v uint32) uint32 { return 0x91000000 | v<<10 | rn<<5 | rd }
func subImm(rd, rn, v uint32) uint32 { return 0xd1000000 | v<<10 | rn<<5 | rd }

// addPage adds 4 KiB.
func addPage(rd, rn uint32) uint32 { return 0x91400400 | rn<<5 | rd }

// branch and cbnz go by a distance in instructions.
func branch(by int32) uint32          { return 0x14000000 | uint32(by)&0x3ffffff }
func cbnz(rt uint32, by int32) uint32 { return 0xb5000000 | uint32(by)&0x7ffff<<5 | rt }

// mrs and msr move a system register, which the id of its register in KVM has.
func mrs(rt uint32, id uapi.RegID[uint64]) uint32 { return 0xd5300000 | sysreg(id)<<5 | rt }
func msr(id uapi.RegID[uint64], rt uint32) uint32 { return 0xd5100000 | sysreg(id)<<5 | rt }

// sysreg are op0 (its low bit), op1, CRn, CRm and op2, as both have them.
func sysreg(id uapi.RegID[uint64]) uint32 { return uint32(id) & 0x7fff }

// armCode joins instructions: numbers and lists of them.
func armCode(parts ...any) []byte {
	var b []byte
	for _, p := range parts {
		switch p := p.(type) {
		case int:
			b = binary.LittleEndian.AppendUint32(b, uint32(p))
		case uint32:
			b = binary.LittleEndian.AppendUint32(b, p)
		case []uint32:
			for _, insn := range p {
				b = binary.LittleEndian.AppendUint32(b, insn)
			}
		default:
			panic(fmt.Sprintf("%T is no instruction", p))
		}
	}
	return b
}

// armAgain joins instructions and goes back to the first.
func armAgain(parts ...any) []byte {
	code := armCode(parts...)
	return append(code, armCode(branch(-int32(len(code)/4)))...)
}

// armCall calls the firmware that KVM plays: x0 is the function.
func armCall(function uint64, args ...uint64) []uint32 {
	code := setX(0, function)
	for i, v := range args {
		code = append(code, setX(uint32(i+1), v)...)
	}
	return append(code, insnHVC)
}

// armEndAddr is where there is nothing: a guest that is done writes there.
const armEndAddr = 0x3000_0000

// armDone tells once that a guest is done; it takes x7.
func armDone() []uint32 { return append(setX(7, armEndAddr), store(4, xZR, 7, 0)) }

// armTable is where startArm puts the table of the guest's translation.
const armTable = 0x8000

// Bits of PSTATE: all interrupts masked, and the exception level with its stack.
const (
	armMasked = 0xf << 6
	armEL0    = 0
	armEL1    = 5
)

// startArm makes the vCPU run code at guestBase, at EL1 or EL0, with the first GiB
// mapped to itself as memory that is cached, as the host has it.
func startArm(v *VCPU, r *memory.Region, code []byte, level uint64, features ...ArmFeature) error {
	if err := v.ArmInit(append(features, ArmPSCI)...); err != nil {
		return err
	}
	const valid, shareable, accessed, user = 1, 3 << 8, 1 << 10, 1 << 6
	entry := uint64(valid | shareable | accessed)
	if level == armEL0 {
		entry |= user // which EL1 does not execute
	}
	if err := r.StoreUint64(armTable, entry); err != nil {
		return err
	}
	if _, err := r.WriteAt(code, guestBase); err != nil {
		return err
	}
	sctlr, err := GetOneReg(v, uapi.RegArm64SysregSCTLREL1)
	if err != nil {
		return err
	}
	const (
		mmu, caches    = 1, 1<<12 | 1<<2
		cachedTables   = 3<<12 | 1<<10 | 1<<8 // shareable, write-back
		noUpper        = 1 << 23
		bits39, memory = 64 - 39, 0xff
	)
	for _, set := range []struct {
		id    uapi.RegID[uint64]
		value uint64
	}{
		{uapi.RegArm64SysregMAIREL1, memory},
		{uapi.RegArm64SysregTCREL1, bits39 | cachedTables | noUpper},
		{uapi.RegArm64SysregTTBR0EL1, armTable},
		{uapi.RegArm64SysregSCTLREL1, sctlr | mmu | caches},
		{uapi.RegArmCorePstate, armMasked | level},
		{uapi.RegArmCorePC, guestBase},
	} {
		if err := SetOneReg(v, set.id, set.value); err != nil {
			return err
		}
	}
	return nil
}

// newArmGuest is a VM with 64 KiB of RAM at 0 and a vCPU that runs the parts at EL1.
func newArmGuest(tb testing.TB, parts ...any) (*VM, *VCPU, *memory.Region) {
	tb.Helper()
	return newProgram(tb, armCode(parts...))
}

// armRun runs the vCPU to the next exit that is no interruption, and fails the
// test for another reason than want, or when it takes seconds.
func armRun(tb testing.TB, v *VCPU, want uapi.ExitReason) Exit {
	tb.Helper()
	exit, err := runFor(v, runLimit)
	if err != nil || exit.Reason() != want {
		tb.Fatalf("exit reason %v, %v, want %v; %s", exit.Reason(), err, want, armState(v))
	}
	return exit
}

// armFinish runs the vCPU until it is done.
func armFinish(tb testing.TB, v *VCPU) {
	tb.Helper()
	if e := armRun(tb, v, uapi.ExitMMIO); !isDone(e) {
		tb.Fatalf("MMIO = %+v, want that the guest is done; %s", e.MMIO(), armState(v))
	}
}

// armState is what tells where a guest went wrong.
func armState(v *VCPU) string {
	var b strings.Builder
	for _, id := range []uapi.RegID[uint64]{
		uapi.RegArmCorePC, uapi.RegArmCorePstate, uapi.RegArmCoreRegs0, uapi.RegArmCoreRegs1,
		uapi.RegArmCoreELREL1, uapi.RegArm64SysregESREL1, uapi.RegArm64SysregFAREL1,
	} {
		value, err := GetOneReg(v, id)
		fmt.Fprintf(&b, "%v = %#x (%v) ", id.Reg(), value, err)
	}
	return b.String()
}

// armX reads a general register.
func armX(tb testing.TB, v *VCPU, n int) uint64 {
	tb.Helper()
	value, err := GetOneReg(v, uapi.RegArmCoreRegs0+uapi.RegID[uint64](2*n))
	must(tb, err)
	return value
}
