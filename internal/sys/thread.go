package sys

import (
	"os"

	"golang.org/x/sys/unix"
)

// KickSignal is the signal that gets a thread out of a blocking ioctl. The Go
// runtime uses SIGURG for goroutine preemption and ignores one that it did not
// ask for, so no handler needs to be installed.
const KickSignal = unix.SIGURG

// Gettid returns the id of the calling thread. It means something only while
// the goroutine is locked to its thread.
func Gettid() int { return unix.Gettid() }

// SignalThread sends KickSignal to one thread of this process. A thread that
// is gone is no error: it cannot be blocked in anything.
func SignalThread(tid int) { _ = unix.Tgkill(pid, tid, KickSignal) }

var pid = os.Getpid()
