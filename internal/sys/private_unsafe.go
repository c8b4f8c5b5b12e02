package sys

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// hugePage is the size of a transparent huge page where the host's pages have 4 KiB,
// on every architecture that has KVM but s390x, where it is 1 MiB.
const hugePage = 2 << 20

// MapPrivate maps size bytes of zeroed memory of this process alone, readable and
// writable, not counted against the commit limit until touched, and for huge pages
// where they fit: the range begins at a multiple of one.
func MapPrivate(size uintptr) (*Mapping, error) {
	slack := uintptr(0)
	if size >= hugePage {
		slack = hugePage
	}
	m, err := mmap(nil, size+slack, unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE, -1, 0)
	if err != nil {
		return nil, err
	}
	m.private = true
	if slack > 0 {
		m.align(size)
	}
	return m, nil
}

// align cuts a mapping that is one huge page too long.
func (m *Mapping) align(size uintptr) {
	head := -uintptr(m.base) % hugePage
	tail := m.size - size - head
	// SAFETY: both ranges are inside of the mapping, which nobody else knows yet.
	// munmap cannot fail on them short of a VMA limit, and then they stay mapped,
	// untouched.
	if head > 0 {
		_ = unix.MunmapPtr(m.base, head)
	}
	m.base = unsafe.Add(m.base, head)
	if tail > 0 {
		_ = unix.MunmapPtr(unsafe.Add(m.base, size), tail)
	}
	m.size = size
	// A kernel without huge pages refuses, and does without.
	_, _, _ = syscall.Syscall(unix.SYS_MADVISE, uintptr(m.base), size, unix.MADV_HUGEPAGE)
}
