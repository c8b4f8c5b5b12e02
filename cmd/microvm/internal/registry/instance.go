package registry

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"

	"golang.org/x/sys/unix"
)

// Instance is this process in the registry.
type Instance struct {
	// Listener is the control socket, nil for a guest without an agent.
	Listener *net.UnixListener
	// Log is for others to read, nil for a process in the foreground.
	Log *os.File

	id     string
	dir    string
	lock   *os.File
	status *os.File
}

// names are those that a machine may have; an id is one.
var names = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$`)

// CheckName refuses a name that no machine can have.
func CheckName(name string) error {
	if !names.MatchString(name) {
		return fmt.Errorf("%q cannot be the name of a machine: want letters, digits, and _ . - behind the first of them, 128 at most", name)
	}
	return nil
}

// Register adds this process. State's ID and PID are set here, and its Name if it is
// empty.
func (r *Registry) Register(s State) (*Instance, error) {
	id := make([]byte, 6)
	_, _ = rand.Read(id) // never fails
	s.ID, s.PID = hex.EncodeToString(id), os.Getpid()
	if s.Name == "" {
		s.Name = s.ID
	}
	if err := CheckName(s.Name); err != nil {
		return nil, err
	}
	unlock, err := r.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	list, err := r.list()
	if err != nil {
		return nil, err
	}
	for _, e := range list {
		if e.Name == s.Name || e.ID == s.Name {
			return nil, fmt.Errorf("a machine named %s is running already, as process %d: choose another name, or 'microvm stop %s'", s.Name, e.PID, s.Name)
		}
	}
	i := &Instance{id: s.ID, dir: filepath.Join(r.dir, s.ID)}
	if err := i.create(&s); err != nil {
		return nil, errors.Join(err, i.Close())
	}
	return i, nil
}

// create makes the directory and what is in it; the registry is locked.
func (i *Instance) create(s *State) error {
	if err := os.Mkdir(i.dir, 0o700); err != nil {
		return err
	}
	var err error
	if i.lock, err = lockDir(i.dir, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return err
	}
	if s.Agent {
		address := &net.UnixAddr{Name: socketAddress(i.lock), Net: "unix"}
		if i.Listener, err = net.ListenUnix("unix", address); err != nil {
			return fmt.Errorf("control socket: %w", err)
		}
		i.Listener.SetUnlinkOnClose(false) // Close does
	}
	if i.status, err = i.newFile(statusFile); err != nil {
		return err
	}
	if s.Detached {
		if i.Log, err = i.newFile(logFile); err != nil {
			return err
		}
	}
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(i.dir, stateFile), b, 0o600)
}

func (i *Instance) newFile(name string) (*os.File, error) {
	return os.OpenFile(filepath.Join(i.dir, name), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
}

// ID is what this process is known by.
func (i *Instance) ID() string { return i.id }

// End says with which status the process will end, to those who wait for it.
func (i *Instance) End(status int) error {
	_, err := fmt.Fprintln(i.status, status)
	return err
}

// Dir is the directory, in which Close removes files.
func (i *Instance) Dir() string { return i.dir }

// Close takes the process out of the registry. In a process that may not change any
// other directory than its own, that one stays, empty, until somebody looks.
func (i *Instance) Close() error {
	var err error
	if i.Listener != nil {
		// Who serves it may have closed it, when its guest ended.
		if err = i.Listener.Close(); errors.Is(err, net.ErrClosed) {
			err = nil
		}
	}
	if removeErr := remove(i.dir); !errors.Is(removeErr, os.ErrPermission) {
		err = errors.Join(err, removeErr)
	}
	for _, f := range []*os.File{i.status, i.Log, i.lock} {
		if f != nil {
			err = errors.Join(err, f.Close())
		}
	}
	return err
}
