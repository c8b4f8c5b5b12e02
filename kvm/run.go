package kvm

import (
	"context"
	"errors"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"

	"linuxkvm/internal/sys"
	"linuxkvm/uapi"
)

// Run enters the guest and returns at the next exit. It blocks for as long as
// the guest runs, without holding up the garbage collector or other goroutines.
//
// An interrupted run is an exit like any other: its reason is uapi.ExitIntr, and
// its Kicked tells a Kick from a signal of some other origin, after which the
// caller just runs on. An error means that KVM could not run the vCPU; a memory
// fault that KVM reports with EFAULT or EHWPOISON is both, an Exit that has
// details and an error.
//
// The Exit reads the vCPU's shared memory in place and is good until the next
// Run. A VCPU should stay on one thread: changing it costs the kernel a grace
// period. Loop does that; a goroutine that calls Run should lock its thread.
// A second Run while one is in progress returns ErrInUse.
//
// ioctl: KVM_RUN (vcpu) · cap: basic · arch: all · since: Linux 2.6.22 · doc: virt/kvm/api.rst "KVM_RUN"
func (v *VCPU) Run() (Exit, error) {
	c := v.c()
	fd, err := c.enter()
	if err != nil {
		return Exit{}, err
	}
	exit, err := c.step(fd)
	c.leave()
	// The collector must not close a vCPU that is in the guest.
	runtime.KeepAlive(v)
	return exit, err
}

// Loop runs the vCPU on one thread and calls handler for every exit, kicks and
// interruptions included, until the context ends, a Run fails or handler returns
// an error. It returns nil for ErrStop, the context's error when that ended it,
// and otherwise what Run or handler returned. For a memory fault with details
// handler is called too, and the loop goes on if that returns nil.
//
// handler is called on the vCPU's thread with the vCPU out of the guest. It may
// call any method of the VCPU but Run and Loop.
func (v *VCPU) Loop(ctx context.Context, handler func(Exit) error) error {
	c := v.c()
	fd, err := c.enter()
	if err != nil {
		return err
	}
	defer runtime.KeepAlive(v)
	defer c.leave()
	defer c.stopOn(ctx)()
	for {
		exit, err := c.step(fd)
		if exit.interrupted() && ctx.Err() != nil {
			return ctx.Err()
		}
		if exit.core != nil {
			err = handler(exit)
		}
		if errors.Is(err, ErrStop) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// stopOn makes the end of ctx interrupt the runner. The returned function
// undoes that, and leaves nothing behind that the next Run would see.
func (c *vcpuCore) stopOn(ctx context.Context) (undo func()) {
	if ctx.Done() == nil {
		return func() {}
	}
	// AfterFunc has a goroutine of its own, which may come late.
	c.kick.stop.Store(ctx.Err() != nil)
	done := make(chan struct{})
	cancel := context.AfterFunc(ctx, func() {
		defer close(done)
		c.kick.stop.Store(true)
		c.interrupt() // the Loop has the descriptor
	})
	return func() {
		if !cancel() {
			<-done
		}
		c.kick.stop.Store(false)
	}
}

// enter makes the calling goroutine the vCPU's runner, on one thread.
func (c *vcpuCore) enter() (fd int, err error) {
	fd, ok := c.fd.Acquire()
	if !ok {
		return -1, opError(uapi.IoctlVCPURun, ErrClosed)
	}
	if !c.running.CompareAndSwap(false, true) {
		c.fd.Release()
		return -1, opError(uapi.IoctlVCPURun, ErrInUse)
	}
	runtime.LockOSThread()
	c.kick.enter()
	return fd, nil
}

func (c *vcpuCore) leave() {
	c.kick.leave()
	c.running.Store(false)
	runtime.UnlockOSThread()
	c.fd.Release()
}

// step is one KVM_RUN. It allocates nothing unless it fails.
func (c *vcpuCore) step(fd int) (Exit, error) {
	seq := c.seq.Add(1)
	if uapi.ExitReason(c.page.ExitReason) == uapi.ExitMemoryFault {
		// Shown already; it must not be taken for the next one. (Other reasons
		// stay: KVM reads some of them to complete what it had exited for.)
		c.page.ExitReason = 0
	}
	c.kick.goIn()
	defer c.kick.comeOut()
	c.clearImmediateExit()
	if c.fd.Closed() {
		return Exit{}, opError(uapi.IoctlVCPURun, ErrClosed)
	}
	if c.kick.pending() {
		c.setImmediateExit()
	}
	_, errno := sys.IoctlOnce(fd, uintptr(uapi.IoctlVCPURun), 0)
	sys.TraceOnce(fd, uintptr(uapi.IoctlVCPURun), errno)
	if c.fd.Closed() {
		// Details could not be read any more.
		return Exit{}, opError(uapi.IoctlVCPURun, ErrClosed)
	}
	if errno == 0 {
		return c.exit(seq, uapi.ExitReason(c.page.ExitReason)), nil
	}
	return c.failed(seq, errno)
}

func (c *vcpuCore) exit(seq uint64, reason uapi.ExitReason) Exit {
	sys.TraceExit(c.fd.FD, uint32(reason))
	return Exit{core: c, seq: seq, reason: reason}
}

// failed sorts out a KVM_RUN that failed. exit_reason is stale then, with
// one exception.
func (c *vcpuCore) failed(seq uint64, errno syscall.Errno) (Exit, error) {
	switch errno {
	case syscall.EINTR, syscall.EAGAIN:
		// EAGAIN is a waiting vCPU that was woken, by an INIT for one.
		exit := c.exit(seq, uapi.ExitIntr)
		exit.kicked = c.kick.take()
		return exit, nil
	case syscall.EFAULT, unix.EHWPOISON:
		if uapi.ExitReason(c.page.ExitReason) == uapi.ExitMemoryFault {
			return c.exit(seq, uapi.ExitMemoryFault), opError(uapi.IoctlVCPURun, errno)
		}
	}
	return Exit{}, opError(uapi.IoctlVCPURun, errno)
}
