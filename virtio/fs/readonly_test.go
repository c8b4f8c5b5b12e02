package fs

import (
	"encoding/binary"
	"syscall"
	"testing"
)

func request(op, first uint32) message {
	m := make(message, inHeader+firstFields)
	binary.LittleEndian.PutUint32(m, uint32(len(m)))
	binary.LittleEndian.PutUint32(m[headerOp:], op)
	binary.LittleEndian.PutUint64(m[headerUniq:], 7)
	binary.LittleEndian.PutUint32(m[inHeader:], first)
	return m
}

// Each opcode there can be is served only if it is known to change nothing.
func TestReadOnly(t *testing.T) {
	writers := map[uint32]string{
		4: "setattr", 6: "symlink", 8: "mknod", 9: "mkdir", 10: "unlink", 11: "rmdir", 12: "rename", 13: "link",
		16: "write", 21: "setxattr", 24: "removexattr", 35: "create", 43: "fallocate", 45: "rename2",
		47: "copy_file_range", 51: "tmpfile", 53: "copy_file_range_64",
	}
	for op := range uint32(1 << 13) {
		got := readOnly(request(op, 0))
		switch {
		case writers[op] != "" && got != syscall.EROFS:
			t.Errorf("%s: %v, want EROFS", writers[op], got)
		case writers[op] == "" && op > 46 && got != syscall.ENOSYS:
			t.Errorf("opcode %d: %v, want ENOSYS", op, got)
		}
	}
	for _, flags := range []int{syscall.O_WRONLY, syscall.O_RDWR, syscall.O_TRUNC, syscall.O_RDWR | syscall.O_APPEND} {
		if got := readOnly(request(opOpen, uint32(flags))); got != syscall.EROFS {
			t.Errorf("open with flags %#x: %v, want EROFS", flags, got)
		}
	}
	for mask, want := range map[uint32]syscall.Errno{0: 0, 4: 0, 2: syscall.EROFS, 6: syscall.EROFS} {
		if got := readOnly(request(opAccess, mask)); got != want {
			t.Errorf("access with mask %d: %v, want %v", mask, got, want)
		}
	}
	if got := readOnly(request(opOpen, syscall.O_RDONLY)); got != 0 {
		t.Errorf("open to read: %v", got)
	}
}
