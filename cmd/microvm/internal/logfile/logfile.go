// Package logfile keeps the end of what somebody says in a file, who may be hostile and
// say much: others read it while it grows, and it does not fill the file system.
//
// What is too old is given back to the file system and leaves a hole in the file. So
// nothing is copied, no name changes, and a position in the file stays what it is.
package logfile

import (
	"errors"
	"io"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

const (
	// Kept is how much of it there is at least.
	Kept = 8 << 20
	// step is how much is given back at a time; it is whole blocks of any file system.
	step = 1 << 20
)

// Writer writes such a file. It is safe for concurrent use.
type Writer struct {
	mu   sync.Mutex
	file *os.File
	cut  int64 // what is before is given back
	full bool  // the file system takes nothing back
}

// NewWriter writes to an empty file. Others may write to it with the same offset.
func NewWriter(f *os.File) *Writer { return &Writer{file: f} }

// Write does not fail: what cannot be written is lost, and who says it goes on. Where the
// file system takes nothing back that is all behind the first Kept bytes.
func (w *Writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.full {
		_, _ = w.file.Write(p)
		w.trim()
	}
	return len(p), nil
}

// trim gives back what is too old.
func (w *Writer) trim() {
	end, err := w.file.Seek(0, io.SeekCurrent)
	cut := (end - Kept) / step * step
	if err != nil || cut <= w.cut {
		return
	}
	err = unix.Fallocate(int(w.file.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, w.cut, cut-w.cut)
	w.cut, w.full = cut, err != nil && !errors.Is(err, unix.EINTR)
}

// Reader reads such a file.
type Reader struct {
	file *os.File
	at   int64
}

// NewReader reads what there is of a file from its beginning.
func NewReader(f *os.File) *Reader { return &Reader{file: f} }

// Read reads what follows. What was given back meanwhile is left out. The end of the file
// is io.EOF, and where it has grown by the next call, that call reads on.
func (r *Reader) Read(p []byte) (int, error) {
	for {
		at, err := r.file.Seek(r.at, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			return 0, io.EOF
		}
		if err != nil {
			return 0, err
		}
		n, err := r.file.ReadAt(p, at)
		// Zeros are what is read of a hole that was made just now.
		if again, seekErr := r.file.Seek(at, unix.SEEK_DATA); n > 0 && (seekErr != nil || again != at) {
			continue
		}
		r.at = at + int64(n)
		if n > 0 {
			err = nil
		}
		return n, err
	}
}
