package machine

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/arch/arm64/arm64asm"

	"linuxkvm/kvm"
)

// codeLength is how much of the instruction stream a crash report shows.
const codeLength = 32

var remedies = map[Ending]string{
	InternalError: "try: earlycon on the command line shows how far the kernel came; dmesg on the host names what KVM met; " +
		"an access where no device is, by an instruction that the processor does not describe, ends this way",
}

// examine fills a crash report in. What cannot be read is said in its place.
func (m *Machine) examine(cpu *kvm.VCPU, c *Crash) {
	general := []named{{"PC", regPC}, {"PSTATE", regPSTATE}, {"SP", regSP}, {"SP_EL1", regSPEL1}}
	for i := range uint64(31) {
		general = append(general, named{fmt.Sprintf("X%d", i), regX0 + 2*i})
	}
	c.Registers = append(c.Registers, registerLines(cpu, general)...)
	c.Registers = append(c.Registers, registerLines(cpu, []named{
		{"ESR", regESR}, {"FAR", regFAR}, {"ELR", regELREL1}, {"SPSR", regSPSR},
		{"SCTLR", regSCTLR}, {"VBAR", regVBAR}, {"TTBR0", regTTBR0}, {"TTBR1", regTTBR1},
	})...)
	code, pc, err := m.code(cpu)
	if err != nil {
		c.Registers = append(c.Registers, unread("code", err))
		return
	}
	c.Code = code
	c.Assembly = disassemble(code, pc)
}

// sctlrMMU is the bit of SCTLR_EL1 that switches translation on.
const sctlrMMU = 1 << 0

// code reads instruction bytes at the program counter. KVM does not translate
// addresses on this architecture, so that it can be done only while the guest does
// not either.
func (m *Machine) code(cpu *kvm.VCPU) (code []byte, pc uint64, err error) {
	sctlr, err := cpu.OneRegUint64(regSCTLR)
	if err != nil {
		return nil, 0, err
	}
	if pc, err = cpu.OneRegUint64(regPC); err != nil {
		return nil, 0, err
	}
	if sctlr&sctlrMMU != 0 {
		return nil, pc, fmt.Errorf("translation is on and %#x is a virtual address", pc)
	}
	code = make([]byte, codeLength)
	n, err := m.space.ReadAt(code, int64(pc))
	if n > 0 {
		err = nil
	}
	return code[:n], pc, err
}

// disassemble decodes as many whole instructions as code holds.
func disassemble(code []byte, pc uint64) []string {
	var lines []string
	for ; len(code) >= 4; code, pc = code[4:], pc+4 {
		inst, err := arm64asm.Decode(code)
		if err != nil {
			lines = append(lines, fmt.Sprintf("%#x: .inst %#08x", pc, binary.LittleEndian.Uint32(code)))
			continue
		}
		lines = append(lines, fmt.Sprintf("%#x: %s", pc, arm64asm.GNUSyntax(inst)))
	}
	return lines
}
