package kvm

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"linuxkvm/memory"
	"linuxkvm/uapi"
)

// General registers of the guest, by number. xEnd is what riscvEnd takes.
const (
	xZero = 0
	xEnd  = 7 // t2
	xA0   = 10
	xA1   = 11
	xA2   = 12
	xA3   = 13
	xA5   = 15
	xA6   = 16
	xA7   = 17
)

// Control and status registers, as instructions name them.
const (
	csrSeed     = 0x015
	csrSstatus  = 0x100
	csrSIE      = 0x104
	csrStvec    = 0x105
	csrScause   = 0x142
	csrStval    = 0x143
	csrSIP      = 0x144
	csrSiselect = 0x150
	csrSireg    = 0x151
	csrStopei   = 0x15c
	csrTime     = 0xc01
)

// Instructions without operands.
const (
	insnECALL  = 0x0000_0073
	insnEBREAK = 0x0010_0073
	insnSRET   = 0x1020_0073
	insnWFI    = 0x1050_0073
	insnJSelf  = 0x0000_006f // j .
)

// The formats of the unprivileged specification: immediates are cut into pieces.
func insnI(opcode, funct3, rd, rs1 uint32, imm int32) uint32 {
	return uint32(imm)<<20 | rs1<<15 | funct3<<12 | rd<<7 | opcode
}

func insnS(opcode, funct3, rs1, rs2 uint32, imm int32) uint32 {
	u := uint32(imm)
	return u>>5<<25 | rs2<<20 | rs1<<15 | funct3<<12 | u&31<<7 | opcode
}

func insnB(opcode, funct3, rs1, rs2 uint32, imm int32) uint32 {
	u := uint32(imm)
	return u>>12&1<<31 | u>>5&0x3f<<25 | rs2<<20 | rs1<<15 | funct3<<12 | u>>1&15<<8 | u>>11&1<<7 | opcode
}

func insnJ(opcode, rd uint32, imm int32) uint32 {
	u := uint32(imm)
	return u>>20&1<<31 | u>>1&0x3ff<<21 | u>>11&1<<20 | u>>12&0xff<<12 | rd<<7 | opcode
}

func addi(rd, rs1 uint32, imm int32) uint32 { return insnI(0x13, 0, rd, rs1, imm) }

func add(rd, rs1, rs2 uint32) uint32 { return rs2<<20 | rs1<<15 | rd<<7 | 0x33 }

// bnez and j go by a distance in bytes.
func bnez(rs1 uint32, to int32) uint32 { return insnB(0x63, 1, rs1, xZero, to) }
func jump(to int32) uint32             { return insnJ(0x6f, xZero, to) }

// store and load take a width of 1, 2, 4 or 8 bytes; a load extends the sign.
func store(width int, rs2, rs1 uint32, offset int32) uint32 {
	return insnS(0x23, log2(width), rs1, rs2, offset)
}

func load(width int, rd, rs1 uint32, offset int32) uint32 {
	return insnI(0x03, log2(width), rd, rs1, offset)
}

func log2(width int) uint32 { return map[int]uint32{1: 0, 2: 1, 4: 2, 8: 3}[width] }

// csrrw swaps a register, csrrs also sets the bits of rs1, csrrc clears them.
func csrrw(rd, csr, rs1 uint32) uint32 { return csr<<20 | rs1<<15 | 1<<12 | rd<<7 | 0x73 }
func csrrs(rd, csr, rs1 uint32) uint32 { return csr<<20 | rs1<<15 | 2<<12 | rd<<7 | 0x73 }
func csrrc(rd, csr, rs1 uint32) uint32 { return csr<<20 | rs1<<15 | 3<<12 | rd<<7 | 0x73 }

// setX puts a number of up to 31 bits into a register.
func setX(rd uint32, v int32) []uint32 {
	high := (v + 0x800) >> 12 << 12 // addi extends the sign
	return []uint32{uint32(high) | rd<<7 | 0x37, addi(rd, rd, v-high)}
}

// sbiCall calls the firmware: a7 is the extension, a6 its function.
func sbiCall(extension, function int32, args ...int32) []uint32 {
	list := append(setX(xA7, extension), setX(xA6, function)...)
	for i, v := range args {
		list = append(list, setX(xA0+uint32(i), v)...)
	}
	return append(list, insnECALL)
}

// riscvEndAddr is behind the RAM: a guest that is done writes there, for ever.
const riscvEndAddr = 0x7ffff000

func riscvEnd() []uint32 {
	return append(setX(xEnd, riscvEndAddr), store(4, xZero, xEnd, 0), jump(-4))
}

// riscvCode joins instructions: numbers and lists of them.
func riscvCode(parts ...any) []byte {
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
		}
	}
	return b
}

// Guest-physical addresses where guests begin, and where their traps go.
const (
	guestBase = 0x1000
	riscvTrap = 0x2000
)

// riscvVM is a VM with 64 KiB of memory at 0 and code in it.
func riscvVM(tb testing.TB, parts ...any) (*VM, *memory.Region) {
	tb.Helper()
	vm := newTestVM(tb)
	r := addMemory(tb, vm, 0, 0, 0, 0x10000)
	_, err := r.WriteAt(riscvCode(parts...), guestBase)
	must(tb, err)
	return vm, r
}

// riscvVCPU adds a vCPU that starts at guestBase in supervisor mode.
func riscvVCPU(tb testing.TB, vm *VM, id ...int) *VCPU {
	tb.Helper()
	v := newTestVCPU(tb, vm, id...)
	must(tb, SetOneReg(v, uapi.RegRISCVCorePC, guestBase))
	must(tb, SetOneReg(v, uapi.RegRISCVCSRStvec, riscvTrap))
	return v
}

// riscvGuest is a VM with one vCPU.
func riscvGuest(tb testing.TB, parts ...any) (*VM, *VCPU, *memory.Region) {
	tb.Helper()
	vm, r := riscvVM(tb, parts...)
	return vm, riscvVCPU(tb, vm), r
}

// riscvFinish runs the vCPU until it is done.
func riscvFinish(tb testing.TB, v *VCPU) {
	tb.Helper()
	if x := riscvRun(tb, v, uapi.ExitMMIO).MMIO(); x.GPA != riscvEndAddr || !x.Write {
		tb.Fatalf("MMIO = %+v, want the end at %#x", x, uint64(riscvEndAddr))
	}
}

// riscvRun runs the vCPU to the next exit that is no interruption, and fails the
// test for another reason than want, or when it takes seconds.
func riscvRun(tb testing.TB, v *VCPU, want uapi.ExitReason) Exit {
	tb.Helper()
	exit, err := runFor(v, runLimit)
	if err != nil || exit.Reason() != want {
		tb.Fatalf("exit reason %v, %v, want %v; %s", exit.Reason(), err, want, riscvState(v))
	}
	return exit
}

// riscvState is what tells where a guest went wrong.
func riscvState(v *VCPU) string {
	var b strings.Builder
	for _, id := range []uapi.RegID[uint64]{
		uapi.RegRISCVCorePC, uapi.RegRISCVCoreA0, uapi.RegRISCVCoreA1, uapi.RegRISCVCoreMode,
		uapi.RegRISCVCSRScause, uapi.RegRISCVCSRStval, uapi.RegRISCVCSRSepc,
	} {
		value, err := GetOneReg(v, id)
		fmt.Fprintf(&b, "%v = %#x (%v) ", id.Reg(), value, err)
	}
	return b.String()
}

// oneReg is GetOneReg for a register that is there.
func oneReg[T uapi.RegValue](tb testing.TB, v *VCPU, id uapi.RegID[T]) T {
	tb.Helper()
	value, err := GetOneReg(v, id)
	if err != nil {
		tb.Fatalf("%v: %v", id.Reg(), err)
	}
	return value
}
