package fs

import "syscall"

// Opcodes that the rule of a read-only file system names (linux/fuse.h).
const (
	opOpen   = 14
	opAccess = 34
)

// reading are the opcodes that change nothing. Open and access are looked at closer.
var reading = map[uint32]bool{
	1: true, 2: true, 3: true, 5: true, opOpen: true, 15: true, 17: true, 18: true, // lookup … release
	20: true, 22: true, 23: true, 25: true, 26: true, 27: true, 28: true, 29: true, // fsync … releasedir
	30: true, opAccess: true, 36: true, 38: true, 42: true, 44: true, 46: true, // fsyncdir … lseek
}

// writing are those that would change something.
var writing = map[uint32]bool{
	4: true, 6: true, 8: true, 9: true, 10: true, 11: true, 12: true, 13: true, 16: true, // setattr … write
	21: true, 24: true, 35: true, 43: true, 45: true, 47: true, 51: true, 53: true, // setxattr … copy_file_range_64
}

// openChanges are the flags of open that let a file change, in the values of amd64,
// arm64 and riscv64 alike.
const openChanges = syscall.O_WRONLY | syscall.O_RDWR | syscall.O_CREAT | syscall.O_TRUNC

// readOnly says with which error a read-only file system refuses a request; 0 for
// one that it serves. What it does not know it does not serve.
func readOnly(m message) syscall.Errno {
	op := m.opcode()
	switch {
	case writing[op]:
		return syscall.EROFS
	case !reading[op]:
		return syscall.ENOSYS
	case op == opOpen && m.first()&openChanges != 0:
		return syscall.EROFS
	case op == opAccess && m.first()&2 != 0: // W_OK
		return syscall.EROFS
	}
	return 0
}
