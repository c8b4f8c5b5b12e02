package server

import (
	"errors"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// reaper starts processes and waits for them. The first process of a system gets
// everybody's orphans, so that it has to wait for any child; os/exec, which waits
// for one, would lose its child to that.
type reaper struct {
	mu      sync.Mutex // held while a child is made, so that it is known before it ends
	waiting map[int]chan<- ended
	all     bool // wait for orphans too
}

// ended is how a process did.
type ended struct {
	status syscall.WaitStatus
	usage  syscall.Rusage
}

// newReaper waits for children from now on; for all of them if this is the first
// process of its system.
func newReaper() *reaper {
	r := &reaper{waiting: map[int]chan<- ended{}, all: os.Getpid() == 1}
	if r.all {
		child := make(chan os.Signal, 1)
		signal.Notify(child, syscall.SIGCHLD)
		go func() {
			for range child {
				r.reap()
			}
		}()
	}
	return r
}

// start makes a process and returns its number and where its end is told.
func (r *reaper) start(path string, args []string, attr *syscall.ProcAttr) (pid int, end <-chan ended, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if pid, err = syscall.ForkExec(path, args, attr); err != nil {
		return 0, nil, err
	}
	c := make(chan ended, 1)
	r.waiting[pid] = c
	if !r.all {
		go r.wait(pid)
	}
	return pid, c, nil
}

// reap takes all that have ended.
func (r *reaper) reap() {
	for r.take(-1, syscall.WNOHANG) {
	}
}

// wait takes one child, when it ends.
func (r *reaper) wait(pid int) { r.take(pid, 0) }

func (r *reaper) take(which, options int) bool {
	var e ended
	pid, err := syscall.Wait4(which, &e.status, options, &e.usage)
	for errors.Is(err, syscall.EINTR) {
		pid, err = syscall.Wait4(which, &e.status, options, &e.usage)
	}
	if err != nil || pid <= 0 {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if c, ok := r.waiting[pid]; ok {
		delete(r.waiting, pid)
		c <- e
	}
	return true
}
