package linux

import (
	"bytes"
	"io"
	"strings"
	"sync"

	"linuxkvm/internal/guestinit"
)

// console passes what the guest says on its serial port, and keeps the end of it for
// an error to tell.
type console struct {
	mu   sync.Mutex
	out  io.Writer
	tail []byte
}

// tailSize is how much of it is kept: a kernel's panic fits.
const tailSize = 8 << 10

func (c *console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tail = append(c.tail, p...)
	if extra := len(c.tail) - tailSize; extra > 0 {
		c.tail = append(c.tail[:0], c.tail[extra:]...)
	}
	return c.out.Write(p)
}

// last is why the guest could not begin, if it has said so, or else the last lines.
func (c *console) last() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, reason, ok := bytes.Cut(c.tail, []byte(guestinit.FatalPrefix)); ok {
		line, _, _ := strings.Cut(string(reason), "\n")
		return ": " + strings.TrimSpace(line)
	}
	lines := strings.Split(strings.TrimSpace(string(c.tail)), "\n")
	if text := strings.Join(lines[max(0, len(lines)-5):], "\n"); text != "" {
		return "; the console's last lines:\n" + text
	}
	return "; nothing was said on the console"
}

// ConsoleTail returns the end of what the guest has said on its serial port, at most
// 8 KiB: a kernel that panicked has said why.
func (vm *VM) ConsoleTail() string {
	vm.console.mu.Lock()
	defer vm.console.mu.Unlock()
	return strings.TrimSpace(strings.ReplaceAll(string(vm.console.tail), "\r", ""))
}
