package sys

import (
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

// counted returns an FD whose destruction sets the flag.
func counted(t *testing.T) (*FD, *atomic.Int32) {
	t.Helper()
	fd, err := NewEventFD()
	if err != nil {
		t.Fatal(err)
	}
	var destroyed atomic.Int32
	return NewFD(fd, func(fd int) {
		CloseFD(fd)
		destroyed.Add(1)
	}), &destroyed
}

func collect(until func() bool) bool {
	for range 200 {
		runtime.GC()
		if until() {
			return true
		}
		time.Sleep(time.Millisecond)
	}
	return false
}

func TestForgottenFDIsClosedOnce(t *testing.T) {
	f, destroyed := counted(t)
	if _, err := f.Ioctl(0, 0); err == nil || errors.Is(err, ErrClosed) {
		t.Fatalf("an ioctl that eventfds do not have: %v", err)
	}
	if destroyed.Load() != 0 {
		t.Fatal("closed while it is used")
	}
	f = nil
	if !collect(func() bool { return destroyed.Load() != 0 }) {
		t.Fatal("a forgotten descriptor stays open")
	}
	collect(func() bool { return false })
	if n := destroyed.Load(); n != 1 {
		t.Errorf("destroyed %d times", n)
	}
}

func TestFDInUseIsNotCollected(t *testing.T) {
	f, destroyed := counted(t)
	if _, ok := f.Acquire(); !ok {
		t.Fatal("closed")
	}
	// From here on only Release refers to f.
	if collect(func() bool { return destroyed.Load() != 0 }) {
		t.Fatal("the collector closed a descriptor that a call is using")
	}
	if _, ok := f.Acquire(); !ok {
		t.Fatal("the collector refused a second use in the same call")
	}
	f.Release()
	f.Release()
}

func TestClosedFDIsDestroyedByItsLastUser(t *testing.T) {
	f, destroyed := counted(t)
	f.Acquire()
	if !f.Close() || f.Close() {
		t.Error("the first Close must say so, and only it")
	}
	if _, ok := f.Acquire(); ok {
		t.Error("a closed descriptor was acquired")
	}
	if destroyed.Load() != 0 {
		t.Error("destroyed with a user inside")
	}
	f.Release()
	if destroyed.Load() != 1 {
		t.Error("the last user did not destroy it")
	}
	f = nil
	collect(func() bool { return false })
	if n := destroyed.Load(); n != 1 {
		t.Errorf("destroyed %d times", n)
	}
}

func TestFileCalls(t *testing.T) {
	page := PageSize()
	fd, err := NewMemFD("test", int64(2*page))
	if err != nil {
		t.Fatal(err)
	}
	f := NewFD(fd, nil)
	m, err := MapFile(fd, 0, uintptr(2*page))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Destroy()
	m.Bytes()[page] = 7
	p := make([]byte, page+1)
	if n, err := f.ReadAt(p, int64(page)); n != page || p[0] != 7 || err != nil {
		t.Errorf("ReadAt = %d, %v, and the byte is %d", n, err, p[0])
	}
	if n, err := f.ReadAt(p, int64(2*page)); n != 0 || err != nil {
		t.Errorf("ReadAt at the end = %d, %v", n, err)
	}
	if n, err := f.ReadAt(p, -1); n != 0 || err == nil {
		t.Errorf("ReadAt before the start = %d, %v", n, err)
	}
	if err := f.Allocate(0, int64(2*page), false); err != nil || m.Bytes()[page] != 7 {
		t.Errorf("Allocate: %v, and the byte is %d", err, m.Bytes()[page])
	}
	if err := f.Allocate(int64(page), int64(page), true); err != nil || m.Bytes()[page] != 0 {
		t.Errorf("a hole: %v, and the byte is %d", err, m.Bytes()[page])
	}
	f.Close()
	if _, err := f.ReadAt(p, 0); !errors.Is(err, ErrClosed) {
		t.Errorf("ReadAt of a closed one: %v", err)
	}
	if err := f.Allocate(0, 1, false); !errors.Is(err, ErrClosed) {
		t.Errorf("Allocate of a closed one: %v", err)
	}
}
