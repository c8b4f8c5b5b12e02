package fs

import (
	"bytes"
	"encoding/binary"
	"math"
	"syscall"
)

// Opcodes that the device itself looks at (linux/fuse.h).
const (
	opForget      = 2
	opRead        = 15
	opWrite       = 16
	opGetXAttr    = 22
	opListXAttr   = 23
	opInit        = 26
	opReadDir     = 28
	opDestroy     = 38
	opBatchForget = 42
	opReadDirPlus = 44
)

// Fields of a request, of INIT, and those that say how much a guest wants to read.
const (
	headerNode = 16
	headerExt  = 36 // length of extensions, of which none is negotiated

	initMajor, initMinor = inHeader, inHeader + 4
	fuseMajor            = 7
	fuseMinor            = 12 // the least that go-fuse speaks
	readSize             = inHeader + 16
	xattrSize            = inHeader
	outFields            = 288 // the most that go-fuse answers, but for names and data
	maxTarget            = 4096
	goFuseNode           = math.MaxUint64        // go-fuse answers it by itself
	goFuseName           = ".go-fuse-epoll-hack" // and this, in the root
	rootNode             = 1
)

// fields are the bytes that an opcode has after the header, before names and data.
// What is not here is not served.
var fields = map[uint32]int{
	1: 0, opForget: 8, 3: 16, 4: 88, 5: 0, 6: 0, 8: 16, 9: 8, 10: 0, 11: 0,
	12: 8, 13: 8, opOpen: 8, opRead: 40, opWrite: 40, 17: 0, 18: 24, 20: 16, 21: 8, opGetXAttr: 8,
	opListXAttr: 8, 24: 0, 25: 24, opInit: 16, 27: 8, opReadDir: 40, 29: 24, 30: 16, opAccess: 8, 35: 16,
	opDestroy: 0, opBatchForget: 8, 43: 32, opReadDirPlus: 40, 45: 16, 46: 24, 47: 56,
}

func (m message) node() uint64 { return binary.LittleEndian.Uint64(m[headerNode:]) }

// forgets says whether a request is one that is not answered.
func (m message) forgets() bool { return m.opcode() == opForget || m.opcode() == opBatchForget }

// check says with which error a request is refused before go-fuse sees it.
func (m message) check() syscall.Errno {
	n, served := fields[m.opcode()]
	switch {
	case !served:
		return syscall.ENOSYS
	case len(m) < inHeader+n:
		return syscall.EINVAL
	case binary.LittleEndian.Uint16(m[headerExt:]) != 0:
		return syscall.EINVAL
	case m.node() == goFuseNode:
		return syscall.ESTALE
	case m.opcode() == opInit:
		return m.checkInit()
	}
	if name, _, _ := bytes.Cut(m[inHeader+n:], []byte{0}); m.node() == rootNode && string(name) == goFuseName {
		return syscall.ENOENT
	}
	if m.payload() > maxWrite {
		return syscall.EINVAL
	}
	return 0
}

func (m message) checkInit() syscall.Errno {
	major := binary.LittleEndian.Uint32(m[initMajor:])
	minor := binary.LittleEndian.Uint32(m[initMinor:])
	if major != fuseMajor || minor < fuseMinor {
		return syscall.EPROTO
	}
	return 0
}

// payload is how many bytes the guest wants to read. The message has been checked.
func (m message) payload() int64 {
	switch m.opcode() {
	case opRead, opReadDir, opReadDirPlus:
		return int64(binary.LittleEndian.Uint32(m[readSize:]))
	case opGetXAttr, opListXAttr:
		return int64(binary.LittleEndian.Uint32(m[xattrSize:]))
	}
	return maxTarget // of a symlink
}

// answerSize is the most that is answered.
func (m message) answerSize() int { return outHeader + outFields + int(m.payload()) }

// whole says whether an answer is as long as it says.
func whole(answer []byte) bool {
	return len(answer) >= outHeader && int64(binary.LittleEndian.Uint32(answer)) == int64(len(answer))
}
