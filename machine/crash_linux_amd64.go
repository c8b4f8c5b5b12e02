package machine

import (
	"fmt"

	"golang.org/x/arch/x86/x86asm"

	"linuxkvm/kvm"
	"linuxkvm/uapi"
)

// codeLength is how much of the instruction stream a crash report shows.
const codeLength = 32

var remedies = map[Ending]string{
	TripleFault: "try: earlyprintk=ttyS0 on the command line shows how far the kernel came; " +
		"more memory and one vCPU rule out the usual causes; reboot=t makes an ordinary reboot look like this",
	InternalError: "try: dmesg on the host names what KVM met; `microvm info` tells whether " +
		"guest kernel mode is emulated here, and then this kernel may need the rig (make run)",
}

// examine fills a crash report in. What cannot be read is said in its place.
func (m *Machine) examine(cpu *kvm.VCPU, c *Crash) {
	regs, err := cpu.Regs()
	if err != nil {
		c.Registers = append(c.Registers, unread("registers", err))
		return
	}
	c.Registers = append(c.Registers, generalRegisters(&regs)...)
	sregs, err := cpu.Sregs()
	if err != nil {
		c.Registers = append(c.Registers, unread("system registers", err))
		return
	}
	c.Registers = append(c.Registers, systemRegisters(&sregs)...)
	if isReset(&regs, &sregs) {
		c.Registers = append(c.Registers, "These are the registers after a reset: AMD processors do not keep those of a triple fault.")
		return
	}
	code, err := m.code(cpu, sregs.CS.Base+regs.RIP)
	if err != nil {
		c.Registers = append(c.Registers, unread("code", err))
		return
	}
	c.Code = code
	c.Assembly = disassemble(c.Code, regs.RIP, codeBits(&sregs))
}

// isReset reports the state that a processor has after a reset, which is where
// no guest of this machine begins.
func isReset(r *uapi.Regs, s *uapi.Sregs) bool {
	return r.RIP == 0xfff0 && s.CS.Base == 0xffff0000
}

func generalRegisters(r *uapi.Regs) []string {
	return []string{
		fmt.Sprintf("RIP=%016x RFLAGS=%08x", r.RIP, r.RFLAGS),
		fmt.Sprintf("RAX=%016x RBX=%016x RCX=%016x RDX=%016x", r.RAX, r.RBX, r.RCX, r.RDX),
		fmt.Sprintf("RSI=%016x RDI=%016x RBP=%016x RSP=%016x", r.RSI, r.RDI, r.RBP, r.RSP),
		fmt.Sprintf("R8 =%016x R9 =%016x R10=%016x R11=%016x", r.R8, r.R9, r.R10, r.R11),
		fmt.Sprintf("R12=%016x R13=%016x R14=%016x R15=%016x", r.R12, r.R13, r.R14, r.R15),
	}
}

func systemRegisters(s *uapi.Sregs) []string {
	return []string{
		fmt.Sprintf("CR0=%08x CR2=%016x CR3=%016x CR4=%08x EFER=%04x", s.CR0, s.CR2, s.CR3, s.CR4, s.EFER),
		fmt.Sprintf("CS=%04x base %x limit %x, SS=%04x, DS=%04x, TR=%04x, IDT %x limit %x",
			s.CS.Selector, s.CS.Base, s.CS.Limit, s.SS.Selector, s.DS.Selector, s.TR.Selector, s.IDT.Base, s.IDT.Limit),
	}
}

// code reads instruction bytes at a linear address, up to the end of its page.
func (m *Machine) code(cpu *kvm.VCPU, linear uint64) ([]byte, error) {
	t, err := cpu.Translate(linear)
	if err != nil {
		return nil, err
	}
	if t.Valid == 0 {
		return nil, fmt.Errorf("address %#x is not mapped", linear)
	}
	b := make([]byte, min(codeLength, pageSize-linear%pageSize))
	_, err = m.space.ReadAt(b, int64(t.PhysicalAddress))
	return b, err
}

// codeBits is the width of the instructions a vCPU executes.
func codeBits(s *uapi.Sregs) int {
	switch {
	case s.CS.L != 0:
		return 64
	case s.CS.DB != 0:
		return 32
	default:
		return 16
	}
}

// disassemble decodes as many whole instructions as code holds.
func disassemble(code []byte, pc uint64, bits int) []string {
	var lines []string
	for len(code) > 0 {
		inst, err := x86asm.Decode(code, bits)
		if err != nil || inst.Len == 0 {
			break
		}
		lines = append(lines, fmt.Sprintf("%#x: %s", pc, x86asm.GNUSyntax(inst, pc, nil)))
		code, pc = code[inst.Len:], pc+uint64(inst.Len)
	}
	return lines
}
