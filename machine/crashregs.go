//go:build arm64 || riscv64

package machine

import (
	"fmt"
	"strings"

	"linuxkvm/kvm"
)

// named is a register with the name that a report gives it.
type named struct {
	name string
	id   uint64
}

// registersInLine is how many registers a line of a crash report has.
const registersInLine = 4

// registerLines reads registers and puts them into lines. One that cannot be read
// says so in place of its value.
func registerLines(cpu *kvm.VCPU, list []named) []string {
	var lines, words []string
	for i, r := range list {
		v, err := cpu.OneRegUint64(r.id)
		if err != nil {
			words = append(words, r.name+"=?")
		} else {
			words = append(words, fmt.Sprintf("%s=%016x", r.name, v))
		}
		if len(words) == registersInLine || i == len(list)-1 {
			lines = append(lines, strings.Join(words, " "))
			words = nil
		}
	}
	return lines
}
