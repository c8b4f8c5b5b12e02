package confine

import "golang.org/x/sys/unix"

const (
	auditArch = unix.AUDIT_ARCH_X86_64
	// lastCall is the newest that was thought of.
	lastCall = unix.SYS_RSEQ_SLICE_YIELD
	// otherABI is where the numbers of x32 begin.
	otherABI = 0x40000000
)

var (
	// x/sys has functions that use the older forms.
	archCalls = []uint32{unix.SYS_POLL, unix.SYS_EPOLL_WAIT, unix.SYS_DUP2}

	archByName   = []uint32{unix.SYS_NEWFSTATAT}
	archChanging = []uint32{unix.SYS_RENAMEAT}
)
