package fs

import (
	"sync"
	"syscall"
	"time"
)

// settleTime is how old a file's times have to be for a later change to make them
// others: they go on in steps, of a few milliseconds, or of two seconds where a file
// system is as old as that.
const settleTime = 2 * time.Second

// cache is what a guest may have of a file from before.
type cache struct {
	mu sync.Mutex
	// settled is the version that the guest began anew with when it could not change
	// unseen any more.
	settled version
}

// version is what changes with a file's content.
type version struct {
	size         int64
	mtime, ctime syscall.Timespec
}

// keep reports whether a guest that opens the file may go on with what it has: when it
// has opened the same version before, and so late that no write could have changed it
// since without another one. What is stored through a mapping can.
func (c *cache) keep(fd int, now time.Time) bool {
	var st syscall.Stat_t
	if syscall.Fstat(fd, &st) != nil {
		return false
	}
	v := version{st.Size, st.Mtim, st.Ctim}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.settled == v {
		return true
	}
	c.settled = version{}
	if settled(v.mtime, now) && settled(v.ctime, now) {
		c.settled = v
	}
	return false
}

func settled(t syscall.Timespec, now time.Time) bool {
	return now.Sub(time.Unix(t.Unix())) >= settleTime
}
