package machine

import (
	"fmt"

	"golang.org/x/arch/riscv64/riscv64asm"

	"linuxkvm/kvm"
)

// codeLength is how much of the instruction stream a crash report shows.
const codeLength = 32

var remedies = map[Ending]string{
	InternalError: "try: earlycon on the command line shows how far the kernel came; dmesg on the host names what KVM met",
}

// examine fills a crash report in. What cannot be read is said in its place.
func (m *Machine) examine(cpu *kvm.VCPU, c *Crash) {
	general := []named{{"PC", regPC}}
	for i, name := range generalNames {
		general = append(general, named{name, regRA + uint64(i)})
	}
	c.Registers = append(c.Registers, registerLines(cpu, general)...)
	c.Registers = append(c.Registers, registerLines(cpu, []named{
		{"MODE", regMode}, {"SCAUSE", regScause}, {"STVAL", regStval}, {"SEPC", regSepc},
		{"SSTATUS", regSstatus}, {"SIE", regSie}, {"SIP", regSip}, {"STVEC", regStvec}, {"SATP", regSatp},
	})...)
	code, pc, err := m.code(cpu)
	if err != nil {
		c.Registers = append(c.Registers, unread("code", err))
		return
	}
	c.Code = code
	c.Assembly = disassemble(code, pc)
}

// code reads instruction bytes at the program counter. KVM does not translate
// addresses on this architecture, so that it can be done only while the guest does
// not either.
func (m *Machine) code(cpu *kvm.VCPU) (code []byte, pc uint64, err error) {
	satp, err := cpu.OneRegUint64(regSatp)
	if err != nil {
		return nil, 0, err
	}
	if pc, err = cpu.OneRegUint64(regPC); err != nil {
		return nil, 0, err
	}
	if satp != 0 {
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
	for len(code) > 0 {
		inst, err := riscv64asm.Decode(code)
		if err != nil || inst.Len == 0 {
			break
		}
		lines = append(lines, fmt.Sprintf("%#x: %s", pc, riscv64asm.GNUSyntax(inst)))
		code, pc = code[inst.Len:], pc+uint64(inst.Len)
	}
	return lines
}
