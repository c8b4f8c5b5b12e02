package kvm

import (
	"errors"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"linuxkvm/uapi"
)

func TestFailedRuns(t *testing.T) {
	c := fakeVCPU(t)
	for _, tc := range []struct {
		errno  syscall.Errno
		page   uapi.ExitReason
		reason uapi.ExitReason
		fails  bool
	}{
		{unix.EINTR, uapi.ExitIO, uapi.ExitIntr, false},
		{unix.EAGAIN, uapi.ExitIO, uapi.ExitIntr, false},
		{unix.EFAULT, uapi.ExitMemoryFault, uapi.ExitMemoryFault, true},
		{unix.EHWPOISON, uapi.ExitMemoryFault, uapi.ExitMemoryFault, true},
		{unix.EFAULT, uapi.ExitIO, 0, true},
		{unix.EHWPOISON, uapi.ExitMMIO, 0, true},
		{unix.EINVAL, uapi.ExitMemoryFault, 0, true},
		{unix.EIO, uapi.ExitIO, 0, true},
	} {
		c.page.ExitReason = uint32(tc.page)
		c.page.MemoryFault().GPA = 0x1000
		e, err := c.failed(c.seq.Load(), tc.errno)
		if e.Reason() != tc.reason || tc.fails != (err != nil) || tc.fails && !errors.Is(err, tc.errno) {
			t.Errorf("%v with %v in the run area: got %v, %v", tc.errno, tc.page, e.Reason(), err)
		}
		if has := e.core != nil; has != (tc.reason != 0) {
			t.Errorf("%v with %v in the run area: has an exit: %v", tc.errno, tc.page, has)
		}
		if tc.reason == uapi.ExitMemoryFault && e.MemoryFault().GPA != 0x1000 {
			t.Errorf("%v: MemoryFault = %+v", tc.errno, e.MemoryFault())
		}
	}
}

// What the run area says of the last exit stays for KVM to complete it, apart
// from a memory fault, which would be taken for that of the next failure.
func TestRunForgetsAnOldMemoryFault(t *testing.T) {
	c := fakeVCPU(t)
	v := &VCPU{core: c}
	for before, after := range map[uapi.ExitReason]uapi.ExitReason{
		uapi.ExitMMIO: uapi.ExitMMIO, uapi.ExitMemoryFault: uapi.ExitUnknown,
	} {
		c.page.ExitReason = uint32(before)
		e, err := v.Run() // on a descriptor that has no such ioctl
		wantError(t, err, unix.ENOTTY, "KVM_RUN")
		if e != (Exit{}) {
			t.Errorf("a failed Run has an exit: %v", e.Reason())
		}
		if got := uapi.ExitReason(c.page.ExitReason); got != after {
			t.Errorf("the run area says %v after %v, want %v", got, before, after)
		}
	}
}

func TestSecondRunIsRefused(t *testing.T) {
	c := fakeVCPU(t)
	v := &VCPU{core: c}
	_, err := c.enter()
	must(t, err)
	_, err = v.Run()
	wantError(t, err, ErrInUse, "KVM_RUN")
	wantError(t, v.Loop(t.Context(), func(Exit) error { return nil }), ErrInUse)
	c.leave()
	_, err = v.Run()
	wantError(t, err, unix.ENOTTY)
}
