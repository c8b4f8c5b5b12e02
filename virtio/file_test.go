package virtio_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"linuxkvm/virtio"
	"linuxkvm/virtio/internal/drive"
)

// filer is a device that writes what it is given to a file, and then fills the rest of
// the chain from there, in steps of 5 bytes.
type filer struct {
	*upper
	file *os.File
	errs chan error
}

func (f *filer) Start(s *virtio.Session) error {
	s.Serve(0, func(c *virtio.Chain) int {
		if err := steps(c.Readable.Left(), func(n, off int) (int, error) {
			return c.Readable.Pwritev(int(f.file.Fd()), n, int64(off))
		}); err != nil {
			f.errs <- err
			return 0
		}
		done := c.Writable.Size()
		err := steps(done, func(n, off int) (int, error) {
			return c.Writable.Preadv(int(f.file.Fd()), n, int64(off))
		})
		if _, short := c.Writable.Preadv(int(f.file.Fd()), 1, 0); !errors.Is(short, virtio.ErrShort) {
			err = errors.Join(err, fmt.Errorf("beyond the chain: %w", short))
		}
		f.errs <- err
		return done
	})
	return nil
}

// steps calls step for parts of n.
func steps(n int, step func(n, off int) (int, error)) error {
	for off := 0; off < n; {
		k, err := step(min(5, n-off), off)
		if err != nil {
			return err
		}
		off += k
	}
	return nil
}

func TestBuffersAndFiles(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	dev := &filer{upper: newUpper(), file: file, errs: make(chan error, 1)}
	d := drive.New(t, dev)
	d.Start(0)
	q := d.Queue(0)
	a, b := d.In(7), d.In(11)
	q.Add(d.Out([]byte("hello, ")), d.Out(nil), d.Out([]byte("a file that is long enough")), a, b)
	q.Kick()
	if _, n := q.WaitUsed(); n != 18 {
		t.Errorf("%d bytes, want 18", n)
	}
	if err := <-dev.errs; err != nil {
		t.Error(err)
	}
	if got := append(d.Get(a.GPA, 7), d.Get(b.GPA, 11)...); !bytes.Equal(got, []byte("hello, a file that")) {
		t.Errorf("%q", got)
	}
	// What is no memory is the driver's mistake, and the end of a file is nobody's.
	outside := drive.Buffer{GPA: 0xffff_ffff_0000_0000, Size: 5, Write: true}
	for _, c := range []struct {
		buffer drive.Buffer
		want   error
	}{{outside, virtio.ErrBroken}, {d.In(100), io.EOF}} {
		q.Add(c.buffer)
		q.Kick()
		q.WaitUsed()
		if err := <-dev.errs; !errors.Is(err, c.want) {
			t.Errorf("%+v: %v, want %v", c.buffer, err, c.want)
		}
	}
}
