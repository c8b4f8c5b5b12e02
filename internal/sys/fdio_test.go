package sys

import (
	"encoding/binary"
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

func TestFDReadAndWrite(t *testing.T) {
	fd, err := NewEventFD()
	if err != nil {
		t.Fatal(err)
	}
	f := NewFD(fd, nil)
	buf := make([]byte, 8)
	if n, err := f.Read(buf); n != 0 || !errors.Is(err, unix.EAGAIN) {
		t.Errorf("an eventfd of 0 gave %d bytes, %v", n, err)
	}
	binary.NativeEndian.PutUint64(buf, 5)
	if n, err := f.Write(buf); n != 8 || err != nil {
		t.Errorf("wrote %d bytes, %v", n, err)
	}
	clear(buf)
	if n, err := f.Read(buf); n != 8 || err != nil || binary.NativeEndian.Uint64(buf) != 5 {
		t.Errorf("read %d bytes, % x, %v", n, buf, err)
	}
	f.Close()
	if _, err := f.Read(buf); !errors.Is(err, ErrClosed) {
		t.Errorf("read after Close: %v", err)
	}
	if _, err := f.Write(buf); !errors.Is(err, ErrClosed) {
		t.Errorf("write after Close: %v", err)
	}
}
