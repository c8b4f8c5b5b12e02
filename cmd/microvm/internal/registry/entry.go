package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Names of files in a process's directory.
const (
	stateFile  = "state.json"
	socketFile = "control"
	statusFile = "status" // empty until the end is known
	logFile    = "log"
)

// State is what a process says of itself.
type State struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	PID     int       `json:"pid"`
	Started time.Time `json:"started"`
	Image   string    `json:"image,omitempty"`
	Kernel  string    `json:"kernel"`
	Command []string  `json:"command,omitempty"`
	CPUs    int       `json:"cpus"`
	Memory  uint64    `json:"memory"` // bytes
	// Agent says that the guest runs commands.
	Agent bool `json:"agent"`
	// Detached says that it is in the background, and that there is a log.
	Detached bool `json:"detached,omitempty"`
	// Env, Dir and User are those of the command, for others in the same guest.
	Env  []string `json:"env,omitempty"`
	Dir  string   `json:"dir,omitempty"`
	User string   `json:"user,omitempty"`
}

// Entry is a process that lived when it was looked for.
type Entry struct {
	State
	dir string
}

// list looks at every directory; the registry is locked.
func (r *Registry) list() ([]*Entry, error) {
	files, err := os.ReadDir(r.dir)
	if err != nil {
		return nil, err
	}
	var list []*Entry
	for _, f := range files {
		if !f.IsDir() {
			continue
		}
		dir := filepath.Join(r.dir, f.Name())
		if !held(dir) {
			if err := remove(dir); err != nil {
				return nil, err
			}
			continue
		}
		e := &Entry{dir: dir}
		b, err := os.ReadFile(filepath.Join(dir, stateFile))
		if errors.Is(err, os.ErrNotExist) {
			continue // it ends just now
		}
		if err == nil {
			err = json.Unmarshal(b, &e.State)
		}
		if err != nil {
			return nil, fmt.Errorf("what %s says of a running machine: %w", dir, err)
		}
		list = append(list, e)
	}
	slices.SortFunc(list, func(a, b *Entry) int { return a.Started.Compare(b.Started) })
	return list, nil
}

// remove removes what a process has made. It takes no other files: whatever else is
// there is not ours, and keeps its directory.
func remove(dir string) error {
	for _, name := range []string{socketFile, logFile, statusFile, stateFile} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, unix.ENOTEMPTY) {
		return err
	}
	return nil
}

// find finds one by its name, which wins, by its id, or by the beginning of its id.
func find(list []*Entry, name string) (*Entry, error) {
	var found []*Entry
	for _, e := range list {
		if e.Name == name || e.ID == name {
			return e, nil
		}
		if name != "" && strings.HasPrefix(e.ID, name) {
			found = append(found, e)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return nil, fmt.Errorf("no machine %q is running: 'microvm ps' lists those that are", name)
	}
	return nil, fmt.Errorf("%q is the beginning of %d ids: give more of it, or a name", name, len(found))
}

// Dial connects to the process's socket. However long the path is, the address is
// short.
func (e *Entry) Dial() (net.Conn, error) {
	dir, err := os.Open(e.dir)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return net.Dial("unix", socketAddress(dir))
}

func socketAddress(dir *os.File) string {
	return filepath.Join("/proc/self/fd", strconv.Itoa(int(dir.Fd())), socketFile)
}

// Process is a handle of the process, whose number may be another's once it has ended.
type Process struct{ fd *os.File }

// Process returns a handle; os.ErrProcessDone if it has ended.
func (e *Entry) Process() (*Process, error) {
	fd, err := unix.PidfdOpen(e.PID, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil, os.ErrProcessDone
	}
	if err != nil {
		return nil, os.NewSyscallError("pidfd_open", err)
	}
	p := &Process{os.NewFile(uintptr(fd), "process")}
	// The number was its own as long as the lock was held.
	if !held(e.dir) {
		return nil, errors.Join(os.ErrProcessDone, p.Close())
	}
	return p, nil
}

// Close gives the handle back.
func (p *Process) Close() error { return p.fd.Close() }

// Signal sends a signal. A process that has ended does not mind.
func (p *Process) Signal(sig unix.Signal) error {
	err := unix.PidfdSendSignal(int(p.fd.Fd()), sig, nil, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	return os.NewSyscallError("pidfd_send_signal", err)
}

// Wait waits for the end of the process, not longer than d, and reports whether it
// has ended.
func (p *Process) Wait(d time.Duration) (bool, error) {
	for end := time.Now().Add(d); ; {
		timeout := max(0, time.Until(end).Milliseconds())
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(p.fd.Fd()), Events: unix.POLLIN}}, int(min(timeout, 1<<30)))
		if !errors.Is(err, unix.EINTR) {
			return n > 0, os.NewSyscallError("poll", err)
		}
	}
}
