package boot

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// File is an Image backed by an open file. Its methods may be used
// concurrently; Close ends their use.
type File struct {
	f    *os.File
	size int64
}

// Open opens the file at path as an Image, without looking at its contents.
// It refuses directories and other things that are not files with content.
func Open(path string) (*File, error) {
	// Without O_NONBLOCK the open of a named pipe would wait for a writer.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = &FormatError{Kind: ErrNotKernel, What: fmt.Sprintf("%s is not a regular file (%s)", path, st.Mode().Type()),
			Remedy: "pass the path of the file itself"}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &File{f: f, size: st.Size()}, nil
}

// ReadAt reads from the file.
func (f *File) ReadAt(p []byte, off int64) (int, error) { return f.f.ReadAt(p, off) }

// Size returns the size the file had when it was opened, in bytes.
func (f *File) Size() int64 { return f.size }

// Name returns the path given to Open.
func (f *File) Name() string { return f.f.Name() }

// Close closes the file.
func (f *File) Close() error { return f.f.Close() }

// NewFile makes an Image of an open file, which belongs to it from then on.
func NewFile(f *os.File) (*File, error) {
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return &File{f: f, size: st.Size()}, nil
}
