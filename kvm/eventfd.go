package kvm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"syscall"

	"linuxkvm/internal/sys"
)

// EventFD is a counter in the kernel that one side signals and the other waits
// for: the guest's writes to a port or address ([VM.IOEventfd]) and the guest's
// interrupts ([VM.Irqfd]) can be tied to one without a vCPU leaving the guest
// for it.
//
// It is safe for concurrent use. KVM has a reference of its own to an EventFD that
// it uses: closing one does not undo what it was assigned to.
type EventFD struct {
	file *os.File // not embedded: its other methods make no sense here
}

// NewEventFD makes an EventFD with a count of 0.
func NewEventFD() (*EventFD, error) {
	fd, err := sys.NewEventFD()
	if err != nil {
		return nil, opError(opName("eventfd2"), err)
	}
	return &EventFD{file: os.NewFile(uintptr(fd), "eventfd")}, nil
}

// one is what Signal writes; eventfd counts in the host's byte order.
var one = binary.NativeEndian.AppendUint64(nil, 1)

// Signal adds 1 to the count and wakes who waits. It does not block.
func (e *EventFD) Signal() error {
	_, err := e.file.Write(one)
	return eventError("signal", err)
}

// Wait blocks until the count is not 0, sets it to 0 and returns what it was.
// Close ends the wait with ErrClosed. It holds up no thread.
func (e *EventFD) Wait() (uint64, error) {
	var b [8]byte
	if _, err := e.file.Read(b[:]); err != nil {
		return 0, eventError("wait for", err)
	}
	return binary.NativeEndian.Uint64(b[:]), nil
}

// Take is Wait that does not block: where the count is 0 it returns 0.
func (e *EventFD) Take() (uint64, error) {
	conn, err := e.file.SyscallConn()
	if err != nil {
		return 0, eventError("take", err)
	}
	var b [8]byte
	// Control and not Read: that one would wait for a Wait in progress.
	var readErr error
	err = conn.Control(func(fd uintptr) { _, readErr = syscall.Read(int(fd), b[:]) })
	switch {
	case err != nil:
		return 0, eventError("take", os.ErrClosed)
	case readErr == syscall.EAGAIN:
		return 0, nil
	case readErr != nil:
		return 0, eventError("take", readErr)
	}
	return binary.NativeEndian.Uint64(b[:]), nil
}

// Close closes the EventFD. Closing again does nothing.
func (e *EventFD) Close() error {
	if err := e.file.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return eventError("close", err)
	}
	return nil
}

// SyscallConn gives access to the descriptor, for other parts of the kernel that
// take an eventfd, such as vhost.
func (e *EventFD) SyscallConn() (syscall.RawConn, error) {
	conn, err := e.file.SyscallConn()
	return conn, eventError("use", err)
}

// with calls do with the descriptor, which stays open for the call.
func (e *EventFD) with(op fmt.Stringer, do func(fd int) error) error {
	if e == nil || e.file == nil {
		return invalid("%v: nil EventFD", op)
	}
	conn, err := e.file.SyscallConn()
	if err != nil {
		return eventError("use", err)
	}
	var doErr error
	if err := conn.Control(func(fd uintptr) { doErr = do(int(fd)) }); err != nil {
		// Control's only error, which does not match os.ErrClosed.
		return eventError("use", os.ErrClosed)
	}
	return doErr
}

func eventError(what string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, os.ErrClosed):
		return fmt.Errorf("kvm: %s an eventfd: %w", what, ErrClosed)
	default:
		return fmt.Errorf("kvm: %s an eventfd: %w", what, err)
	}
}
