package machine

import (
	"fmt"
	"strings"
)

// Crash is what a vCPU was doing when the guest could not go on. It is an error
// whose text is meant for a person: the cause, the registers, the instructions,
// and what to try.
type Crash struct {
	Cause     string   // one sentence
	CPU       int      // id of the vCPU
	Registers []string // lines of "RIP=... RSP=..."
	Code      []byte   // instruction bytes at the program counter, as far as they can be read
	Assembly  []string // the same, disassembled, one instruction a line
	Remedy    string   // what to try
}

// Error returns the cause, the registers, the code and the remedy, on several lines.
func (c *Crash) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "vCPU %d: %s", c.CPU, c.Cause)
	for _, line := range c.Registers {
		b.WriteString("\n  " + line)
	}
	if len(c.Code) > 0 {
		fmt.Fprintf(&b, "\n  code: % x", c.Code)
	}
	for _, line := range c.Assembly {
		b.WriteString("\n    " + line)
	}
	if c.Remedy != "" {
		b.WriteString("\n  " + c.Remedy)
	}
	return b.String()
}

// crashed is the result for a vCPU that cannot go on. It must be called by the
// one who runs the vCPU.
func (r *runner) crashed(ending Ending, cause string) Result {
	c := &Crash{Cause: cause, CPU: r.cpu.ID(), Remedy: remedies[ending]}
	r.m.examine(r.cpu, c)
	return Result{Ending: ending, CPU: c.CPU, Crash: c}
}

// unread says in a crash report that a part could not be had.
func unread(what string, err error) string { return fmt.Sprintf("%s: not readable: %v", what, err) }
