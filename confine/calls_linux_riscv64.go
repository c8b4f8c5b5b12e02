package confine

import "golang.org/x/sys/unix"

const (
	auditArch = unix.AUDIT_ARCH_RISCV64
	// lastCall is the newest that was thought of.
	lastCall = unix.SYS_RSEQ_SLICE_YIELD
	// otherABI is none: 32-bit programs have an architecture of their own.
	otherABI = 0
)

var (
	archCalls    []uint32
	archByName   = []uint32{unix.SYS_FSTATAT}
	archChanging []uint32
)
