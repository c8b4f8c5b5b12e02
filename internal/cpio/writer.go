// Package cpio writes archives in the newc format, which is what Linux unpacks
// as an initramfs. The same calls in the same order give the same bytes.
package cpio

import (
	"errors"
	"fmt"
	"io"
	"math"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrClosed says that the archive is already complete.
var ErrClosed = errors.New("cpio: archive is closed")

// Writer writes one archive. Names are relative to the root of the archive; a
// leading slash is dropped. Directories that lead to a name are created with
// mode 0755 where they were not written before, because the kernel does not
// create them. It is not safe for concurrent use.
type Writer struct {
	w       io.Writer
	offset  int64
	ino     uint32
	written map[string]bool
	closed  bool
}

// NewWriter returns a Writer that writes to w in small pieces: w should buffer.
func NewWriter(w io.Writer) *Writer {
	return &Writer{w: w, written: map[string]bool{}}
}

// Dir writes a directory, unless one of that name is in the archive.
func (w *Writer) Dir(name string, perm uint32) error {
	name = clean(name)
	if w.written[name] {
		return nil
	}
	return w.entry(entry{name: name, mode: unix.S_IFDIR | perm&0o7777, links: 2}, nil)
}

// File writes a regular file of exactly size bytes from r.
func (w *Writer) File(name string, perm uint32, size int64, r io.Reader) error {
	if size < 0 || size > math.MaxUint32 {
		return fmt.Errorf("cpio: %s: %d bytes do not fit the format (4 GiB)", name, size)
	}
	return w.entry(entry{name: clean(name), mode: unix.S_IFREG | perm&0o7777, links: 1, size: size}, r)
}

// Symlink writes a symbolic link to target.
func (w *Writer) Symlink(name, target string) error {
	e := entry{name: clean(name), mode: unix.S_IFLNK | 0o777, links: 1, size: int64(len(target))}
	return w.entry(e, strings.NewReader(target))
}

// CharDevice writes the node of a character device.
func (w *Writer) CharDevice(name string, perm, major, minor uint32) error {
	e := entry{name: clean(name), mode: unix.S_IFCHR | perm&0o7777, links: 1, major: major, minor: minor}
	return w.entry(e, nil)
}

// Close writes the end of the archive, padded to a multiple of 512 bytes. It
// does not close the underlying writer.
func (w *Writer) Close() error {
	if w.closed {
		return nil
	}
	if err := w.header(entry{name: "TRAILER!!!", links: 1}, 0); err != nil {
		return err
	}
	w.closed = true
	return w.pad(512)
}

// clean makes a name relative. "." is the root.
func clean(name string) string {
	name = path.Clean("/" + name)[1:]
	if name == "" {
		return "."
	}
	return name
}

// entry is what the header says of one name.
type entry struct {
	name         string
	mode, links  uint32
	size         int64
	major, minor uint32
}

func (w *Writer) entry(e entry, r io.Reader) error {
	switch {
	case w.closed:
		return ErrClosed
	case w.written[e.name]:
		return fmt.Errorf("cpio: %s is in the archive twice", e.name)
	case strings.ContainsRune(e.name, 0):
		return fmt.Errorf("cpio: %q holds a zero byte", e.name)
	}
	if parent := path.Dir(e.name); parent != "." && e.name != "." {
		if err := w.Dir(parent, 0o755); err != nil {
			return err
		}
	}
	w.written[e.name] = true
	w.ino++
	if err := w.header(e, w.ino); err != nil {
		return err
	}
	if r == nil {
		return nil
	}
	n, err := io.Copy(w.w, io.LimitReader(r, e.size))
	w.offset += n
	if err != nil {
		return fmt.Errorf("cpio: %s: %w", e.name, err)
	}
	if n != e.size {
		return fmt.Errorf("cpio: %s: %d of %d bytes: %w", e.name, n, e.size, io.ErrUnexpectedEOF)
	}
	return w.pad(4)
}

// header writes the fixed header and the name. Owner and time are zero.
func (w *Writer) header(e entry, ino uint32) error {
	const magic = "070701"
	fields := [13]uint32{
		ino, e.mode, 0, 0, e.links, 0, uint32(e.size),
		0, 0, e.major, e.minor, uint32(len(e.name) + 1), 0,
	}
	b := make([]byte, 0, 112+len(e.name))
	b = append(b, magic...)
	for _, f := range fields {
		b = fmt.Appendf(b, "%08x", f)
	}
	b = append(b, e.name...)
	b = append(b, 0)
	n, err := w.w.Write(b)
	w.offset += int64(n)
	if err != nil {
		return fmt.Errorf("cpio: %w", err)
	}
	return w.pad(4)
}

func (w *Writer) pad(to int64) error {
	var zeros [512]byte
	n, err := w.w.Write(zeros[:(to-w.offset%to)%to])
	w.offset += int64(n)
	if err != nil {
		return fmt.Errorf("cpio: %w", err)
	}
	return nil
}
