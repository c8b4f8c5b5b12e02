package rig

import (
	"io"
	"strings"
	"sync"

	"linuxkvm/internal/rig/wire"
)

// console watches what the serial console prints for the end of the guest.
type console struct {
	live io.Writer
	end  *tail
	// onVerdict is called once, when the guest is known to be lost.
	onVerdict func()

	mu     sync.Mutex
	line   []byte
	reason Reason
	detail string
}

func newConsole(live io.Writer, onVerdict func()) *console {
	return &console{live: live, end: newTail(32 << 10), onVerdict: onVerdict}
}

// Write takes the next bytes. An error of the live copy is no reason to lose the
// rest, so there is none.
func (c *console) Write(p []byte) (int, error) {
	_, _ = c.end.Write(p)
	_, _ = c.live.Write(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, b := range p {
		if b != '\n' {
			if len(c.line) < 4096 {
				c.line = append(c.line, b)
			}
			continue
		}
		c.judge(strings.TrimRight(string(c.line), "\r"))
		c.line = c.line[:0]
	}
	return len(p), nil
}

// judge keeps the first line that decides. An oops comes before the panic that
// it leads to and says more.
func (c *console) judge(line string) {
	reason := verdict(line)
	if reason == 0 || c.reason != 0 {
		return
	}
	c.reason, c.detail = reason, line
	c.onVerdict()
}

// verdict returns the reason and the line for which the guest is lost, or 0.
func (c *console) verdict() (Reason, string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.reason, c.detail
}

// fatal are words that the kernel prints, on any architecture, when it is lost.
// The lanes boot with oops=panic.
var fatal = []struct {
	words  string
	reason Reason
}{
	{wire.FatalPrefix, BootFailed},
	{"Kernel panic - not syncing", KernelPanic},
	{"BUG: kernel NULL pointer dereference", KernelOops},
	{"BUG: unable to handle page fault", KernelOops},
	{"Unable to handle kernel", KernelOops},
	{"kernel BUG at ", KernelOops},
	{"Internal error: Oops", KernelOops},
	{"Oops: ", KernelOops},
	{"general protection fault", KernelOops},
	{"double fault: ", KernelOops},
	{"invalid opcode: ", KernelOops},
	{"Kernel BUG ", KernelOops},
}

func verdict(line string) Reason {
	for _, f := range fatal {
		if strings.Contains(line, f.words) && !fromUser(line) {
			return f.reason
		}
	}
	return 0
}

// fromUser reports whether a line tells of a fault of a program: "traps:
// prog[12] general protection fault ip:..".
func fromUser(line string) bool { return strings.Contains(line, "traps: ") }

// troubles are words of kernel log lines that do not end the guest but that
// nobody should overlook.
var troubles = []string{
	"WARNING: CPU", "WARNING: ", "BUG: ", "soft lockup", "rcu_sched detected", "rcu_preempt detected",
	"detected stalls", "hung_task", "blocked for more than", "refcount_t:", "Out of memory",
	"leaked", "page allocation failure",
}

func isTrouble(line string) bool {
	for _, t := range troubles {
		if strings.Contains(line, t) {
			return true
		}
	}
	return false
}
