package confine

import (
	"slices"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// action is what seccomp does with a system call.
type action uint32

const (
	allow  action = unix.SECCOMP_RET_ALLOW
	refuse        = action(unix.SECCOMP_RET_ERRNO | unix.EPERM)
	absent        = action(unix.SECCOMP_RET_ERRNO | unix.ENOSYS)
	kill   action = unix.SECCOMP_RET_KILL_PROCESS
)

// test is what an argument of a system call must be, as far as mask goes. The kernel
// looks at the lower half alone of what is an int to it: then so does mask.
type test struct {
	arg        int
	mask, want uint64
}

// equal tests an argument that is an int.
func equal(arg int, want uint32) test { return test{arg, 1<<32 - 1, uint64(want)} }

// without tests that an argument has none of these bits.
func without(arg int, bits uint32) test { return test{arg, uint64(bits), 0} }

// null tests for a pointer that is nil.
func null(arg int) test { return test{arg, 1<<64 - 1, 0} }

// rule holds where all of its tests do; without any it always does.
type rule []test

// policy says what is done with each system call.
type policy struct {
	arch   uint32            // AUDIT_ARCH_ number
	rules  map[uint32][]rule // calls that are allowed where one of the rules holds
	absent []uint32          // calls that programs do without where the kernel has none
	last   uint32            // the newest call that was thought of
	first  uint32            // the call with rules that is to be decided quickest
	kill   uint32            // the first number of another ABI; 0 if there is none
}

func (p *policy) allow(nr uint32, rules ...rule) {
	if len(rules) == 0 {
		rules = []rule{nil}
	}
	p.rules[nr] = append(p.rules[nr], rules...)
}

// offsets in struct seccomp_data; each argument has 8 bytes, the lower half first, as
// all the architectures are little-endian.
const (
	offsetCall = 0
	offsetArch = 4
	offsetArgs = 16
)

// program is the policy in the kernel's instructions. The call that is looked for
// first comes first; the others are found by halving, as otherwise each call would be
// compared with a hundred others.
func (p *policy) program() []bpf.Instruction {
	first := rulesCode(p.rules[p.first])
	code := []bpf.Instruction{
		bpf.LoadAbsolute{Off: offsetArch, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: p.arch, SkipTrue: 1},
		bpf.RetConstant{Val: uint32(kill)},
		bpf.LoadAbsolute{Off: offsetCall, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: p.first, SkipTrue: 1},
		bpf.Jump{Skip: uint32(len(first))},
	}
	code = append(code, first...)
	return append(code, treeCode(p.leaves())...)
}

// leaf is what is done with the numbers from one on.
type leaf struct {
	from uint32
	code []bpf.Instruction
	does action // of code that is one instruction, otherwise 0
}

func simple(from uint32, a action) leaf {
	return leaf{from, []bpf.Instruction{bpf.RetConstant{Val: uint32(a)}}, a}
}

// decide is what is done with one number.
func (p *policy) decide(nr uint32) leaf {
	rules, ok := p.rules[nr]
	switch {
	case nr == p.first:
		return simple(nr, refuse) // decided before
	case ok && slices.ContainsFunc(rules, func(r rule) bool { return len(r) == 0 }):
		return simple(nr, allow)
	case ok:
		return leaf{nr, rulesCode(rules), 0}
	case slices.Contains(p.absent, nr) || nr > p.last:
		return simple(nr, absent)
	}
	return simple(nr, refuse)
}

// leaves covers all numbers. A call that is newer than this package does not exist, so
// that programs try what they did before there was one.
func (p *policy) leaves() []leaf {
	list := []leaf{p.decide(0)}
	add := func(l leaf) {
		if last := list[len(list)-1]; l.does == 0 || l.does != last.does {
			list = append(list, l)
		}
	}
	for nr := uint32(1); nr <= p.last+1; nr++ {
		add(p.decide(nr))
	}
	if p.kill != 0 {
		add(simple(p.kill, kill))
		// -1 is a call that a debugger has taken out.
		add(simple(1<<32-1, absent))
	}
	return list
}

// treeCode finds the leaf for the number in the accumulator.
func treeCode(leaves []leaf) []bpf.Instruction {
	if len(leaves) == 1 {
		return leaves[0].code
	}
	middle := len(leaves) / 2
	below, above := treeCode(leaves[:middle]), treeCode(leaves[middle:])
	code := []bpf.Instruction{
		// A conditional jump reaches 255 instructions, the other one any.
		bpf.JumpIf{Cond: bpf.JumpGreaterOrEqual, Val: leaves[middle].from, SkipFalse: 1},
		bpf.Jump{Skip: uint32(len(below))},
	}
	return append(append(code, below...), above...)
}

// rulesCode allows where one of the rules holds.
func rulesCode(rules []rule) []bpf.Instruction {
	var code []bpf.Instruction
	for _, r := range rules {
		code = append(code, ruleCode(r)...)
	}
	return append(code, bpf.RetConstant{Val: uint32(refuse)})
}

// ruleCode allows where all tests hold, and otherwise goes on behind it.
func ruleCode(r rule) []bpf.Instruction {
	code := []bpf.Instruction{bpf.RetConstant{Val: uint32(allow)}}
	for _, t := range slices.Backward(r) {
		for half := range uint32(2) {
			mask, want := uint32(t.mask>>(32*half)), uint32(t.want>>(32*half))
			if mask == 0 {
				continue
			}
			code = append([]bpf.Instruction{
				bpf.LoadAbsolute{Off: offsetArgs + 8*uint32(t.arg) + 4*half, Size: 4},
				bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: mask},
				bpf.JumpIf{Cond: bpf.JumpEqual, Val: want, SkipFalse: uint8(len(code))},
			}, code...)
		}
	}
	return code
}
