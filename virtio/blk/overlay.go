package blk

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Overlay is a Disk that reads as a Base until it is written: what is written goes
// to a file without a name, which is gone with Close, or with the process. Many
// overlays can share a base.
type Overlay struct {
	base Base
	size int64
	file *os.File // sparse; what stands in it says own
	own  bitmap   // granules that are in the file
	busy busyRanges
}

// granule is the unit of what an overlay has of its own: that in which guests'
// file systems write, so that little is copied from the base.
const granule = 4096

var (
	_ Disk       = (*Overlay)(nil)
	_ Discarder  = (*Overlay)(nil)
	_ ZeroWriter = (*Overlay)(nil)
)

// NewOverlay makes an overlay whose file is in the directory dir, or in the one for
// temporary files if dir is empty. The base must not change, and stays the caller's
// to close, after the overlay.
func NewOverlay(base Base, dir string) (*Overlay, error) {
	size := base.Size()
	if size < 0 {
		return nil, fmt.Errorf("virtio/blk: overlay on a base of %d bytes", size)
	}
	if dir == "" {
		dir = os.TempDir()
	}
	f, err := anonymousFile(dir)
	if err != nil {
		return nil, fmt.Errorf("virtio/blk: overlay: %w", err)
	}
	if err := f.Truncate(size); err != nil {
		return nil, errors.Join(fmt.Errorf("virtio/blk: overlay of %d bytes: %w", size, err), f.Close())
	}
	return &Overlay{base: base, size: size, file: f, own: newBitmap((size + granule - 1) / granule)}, nil
}

// anonymousFile makes a file that no other program can open.
func anonymousFile(dir string) (*os.File, error) {
	f, err := os.OpenFile(dir, os.O_RDWR|unix.O_TMPFILE|os.O_EXCL, 0o600)
	if err == nil {
		return f, nil
	}
	// Not every file system has O_TMPFILE.
	f, err = os.CreateTemp(dir, "overlay-*")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(filepath.Clean(f.Name())); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Close discards what was written.
func (o *Overlay) Close() error { return o.file.Close() }

// Size implements Disk.
func (o *Overlay) Size() int64 { return o.size }

// Flush implements Disk. Nothing of an overlay is to last.
func (o *Overlay) Flush() error { return nil }

// ReadAt implements Disk.
func (o *Overlay) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off > o.size {
		return 0, fmt.Errorf("virtio/blk: overlay: offset %d of %d", off, o.size)
	}
	all := len(p)
	p = p[:min(int64(len(p)), o.size-off)]
	done := 0
	for done < len(p) {
		at := off + int64(done)
		end, own := o.own.run(at/granule, (off+int64(len(p))-1)/granule+1)
		k := min(end*granule, off+int64(len(p))) - at
		var from io.ReaderAt = o.base
		if own {
			from = o.file
		}
		if err := readFull(from, p[done:done+int(k)], at); err != nil {
			return done, err
		}
		done += int(k)
	}
	if done < all {
		return done, io.EOF
	}
	return done, nil
}

// check refuses a range that is not inside.
func (o *Overlay) check(off, n int64) error {
	if off < 0 || n < 0 || off > o.size || n > o.size-off {
		return fmt.Errorf("virtio/blk: overlay: %d bytes at %d of %d", n, off, o.size)
	}
	return nil
}

// WriteAt implements Disk.
func (o *Overlay) WriteAt(p []byte, off int64) (int, error) {
	if err := o.check(off, int64(len(p))); err != nil || len(p) == 0 {
		return 0, err
	}
	first, end := off/granule, (off+int64(len(p))-1)/granule+1
	if o.own.all(first, end) {
		return o.file.WriteAt(p, off)
	}
	// Of the granules that are still the base's each is taken over by one at a
	// time: otherwise two writes to different parts of one would each copy the rest.
	defer o.busy.lock(first, end)()
	if err := o.takeEdges(off, off+int64(len(p))); err != nil {
		return 0, err
	}
	n, err := o.file.WriteAt(p, off)
	if err == nil {
		o.own.set(first, end)
	}
	return n, err
}

// takeEdges copies from the base the first and the last granule of a range, where
// the range has only a part of them. The range is locked.
func (o *Overlay) takeEdges(off, end int64) error {
	if off%granule != 0 {
		if err := o.take(off / granule); err != nil {
			return err
		}
	}
	if end%granule != 0 && end != o.size {
		return o.take(end / granule)
	}
	return nil
}

// take makes a granule the overlay's own, as it is.
func (o *Overlay) take(g int64) error {
	if o.own.all(g, g+1) {
		return nil
	}
	var buffer [granule]byte
	p := buffer[:min(granule, o.size-g*granule)]
	if err := readFull(o.base, p, g*granule); err != nil {
		return err
	}
	if _, err := o.file.WriteAt(p, g*granule); err != nil {
		return err
	}
	o.own.set(g, g+1)
	return nil
}

// Discard implements Discarder: whole granules become zeros of the overlay's own,
// which take no space. The rest stays.
func (o *Overlay) Discard(off, n int64) error {
	if err := o.check(off, n); err != nil {
		return err
	}
	first, end := (off+granule-1)/granule, (off+n)/granule
	if off+n == o.size {
		end = (o.size + granule - 1) / granule
	}
	if first >= end {
		return nil
	}
	defer o.busy.lock(first, end)()
	from := first * granule
	if err := punch(o.file, from, min(end*granule, o.size)-from); err != nil {
		return err
	}
	o.own.set(first, end)
	return nil
}

// WriteZeroes implements ZeroWriter. What it has to keep allocated is written.
func (o *Overlay) WriteZeroes(off, n int64, unmap bool) error {
	if !unmap {
		return errors.ErrUnsupported
	}
	if err := o.check(off, n); err != nil || n == 0 {
		return err
	}
	first, end := off/granule, (off+n-1)/granule+1
	defer o.busy.lock(first, end)()
	if err := o.takeEdges(off, off+n); err != nil {
		return err
	}
	if err := punch(o.file, off, n); err != nil {
		return err
	}
	o.own.set(first, end)
	return nil
}
