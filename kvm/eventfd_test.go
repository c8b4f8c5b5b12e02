package kvm

import (
	"os"
	"syscall"
	"testing"
	"time"
)

func TestEventFDCounts(t *testing.T) {
	e := newTestEventFD(t)
	if n, err := e.Take(); n != 0 || err != nil {
		t.Fatalf("Take of a new EventFD: %d, %v", n, err)
	}
	for range 3 {
		must(t, e.Signal())
	}
	if n, err := e.Wait(); n != 3 || err != nil {
		t.Fatalf("Wait after 3 signals: %d, %v", n, err)
	}
	must(t, e.Signal())
	if n, err := e.Take(); n != 1 || err != nil {
		t.Fatalf("Take after 1 signal: %d, %v", n, err)
	}
}

func TestEventFDCloseEndsWait(t *testing.T) {
	e := newTestEventFD(t)
	done := make(chan error)
	go func() {
		_, err := e.Wait()
		done <- err
	}()
	time.Sleep(10 * time.Millisecond)
	// A waiter must not hold up one who only looks.
	if n, err := e.Take(); n != 0 || err != nil {
		t.Fatalf("Take beside a waiter: %d, %v", n, err)
	}
	must(t, e.Close())
	wantError(t, <-done, ErrClosed)
	must(t, e.Close())
	wantError(t, e.Signal(), ErrClosed)
	_, err := e.Wait()
	wantError(t, err, os.ErrClosed)
	_, err = e.Take()
	wantError(t, err, ErrClosed)
}

func TestEventFDGivesItsDescriptorToOthers(t *testing.T) {
	e := newTestEventFD(t)
	conn, err := e.SyscallConn()
	must(t, err)
	var n int
	must(t, conn.Control(func(fd uintptr) { n, err = syscall.Write(int(fd), one) }))
	must(t, err)
	if count, err := e.Wait(); n != 8 || count != 1 || err != nil {
		t.Errorf("wrote %d bytes, then counted %d, %v", n, count, err)
	}
}

func TestEventFDSignalDoesNotAllocate(t *testing.T) {
	e := newTestEventFD(t)
	if n := testing.AllocsPerRun(100, func() { _ = e.Signal() }); n != 0 {
		t.Errorf("Signal allocates %v times, want 0", n)
	}
}

func newTestEventFD(tb testing.TB) *EventFD {
	tb.Helper()
	e, err := NewEventFD()
	must(tb, err)
	tb.Cleanup(func() { e.Close() })
	return e
}
