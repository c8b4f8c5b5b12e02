package confine

import "golang.org/x/sys/unix"

// archAttempts are those that only this architecture has.
var archAttempts = []attempt{
	{name: "I/O ports", do: raw(unix.SYS_IOPERM, none, none, 0)},
	{name: "I/O privilege", do: raw(unix.SYS_IOPL, none)},
	{name: "segments", do: raw(unix.SYS_MODIFY_LDT, none)},
	{name: "the old open", do: raw(unix.SYS_OPEN)},
	{name: "a new thread area", do: raw(unix.SYS_ARCH_PRCTL, none)},
}
