package registry

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Ending is the end of a process, to be waited for. It holds on to what the process will
// have said, which is removed with it.
type Ending struct {
	process *Process // nil if it has ended
	status  *os.File
}

// ErrUnknown is of a process that did not say how it ends: it was killed.
var ErrUnknown = errors.New("it was ended before it could say its status")

// Ending returns the end of the process; os.ErrProcessDone if that is past.
func (e *Entry) Ending() (*Ending, error) {
	f, err := e.open(statusFile)
	if err != nil {
		return nil, err
	}
	p, err := e.Process()
	if err != nil && !errors.Is(err, os.ErrProcessDone) {
		return nil, errors.Join(err, f.Close())
	}
	return &Ending{p, f}, nil
}

// OpenLog opens what the process has written, for reading; os.ErrProcessDone if it has
// ended.
func (e *Entry) OpenLog() (*os.File, error) { return e.open(logFile) }

// open opens a file of the process.
func (e *Entry) open(name string) (*os.File, error) {
	f, err := os.Open(filepath.Join(e.dir, name))
	if errors.Is(err, os.ErrNotExist) {
		return nil, os.ErrProcessDone
	}
	return f, err
}

// Wait waits for the end, not longer than d, and reports whether it has come.
func (x *Ending) Wait(d time.Duration) (bool, error) {
	if x.process == nil {
		return true, nil
	}
	return x.process.Wait(d)
}

// Status is the status with which the process has ended, or ErrUnknown.
func (x *Ending) Status() (int, error) {
	b, err := io.ReadAll(io.LimitReader(x.status, 100))
	if err != nil {
		return 0, err
	}
	if len(b) == 0 {
		return 0, ErrUnknown
	}
	status, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return 0, fmt.Errorf("its status: %w", err)
	}
	return status, nil
}

// Close gives everything back.
func (x *Ending) Close() error {
	err := x.status.Close()
	if x.process != nil {
		err = errors.Join(err, x.process.Close())
	}
	return err
}
