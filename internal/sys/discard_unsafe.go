package sys

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// Discard gives the pages of a range back to the host; they read as zeros
// afterwards. off and size are inside of the mapping and multiples of the page
// size. A shared mapping is one of a file, even without a name, and a page only goes
// away when the file loses it: MADV_REMOVE. MADV_DONTNEED would drop this process'
// view of it only; of a private mapping there is no other view.
func (m *Mapping) Discard(off, size uintptr) error {
	advice := uintptr(unix.MADV_REMOVE)
	if m.private {
		advice = unix.MADV_DONTNEED
	}
	for {
		// SAFETY: the range is inside of the mapping, which the caller keeps
		// mapped; the kernel zeroes pages of it and touches nothing else.
		_, _, errno := syscall.Syscall(unix.SYS_MADVISE, uintptr(m.base)+off, size, advice)
		switch errno {
		case 0:
			return nil
		case unix.EINTR:
		default:
			return errno
		}
	}
}
