package confine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// Config says what is left to a process that has confined itself. The zero value
// leaves the descriptors that are open, and nothing that has a name.
type Config struct {
	// ReadOnly are files, and directories with all that is below them, that may be
	// opened for reading. A symbolic link stands for what it points to now.
	ReadOnly []string
	// ReadWrite are files and directories that may be read and written. In a
	// directory files can be made, renamed and removed, but not devices. A device, such
	// as /dev/kvm, may be opened with its ioctls. What is in a directory of both
	// lists may be written to.
	ReadWrite []string
	// Network says which sockets may be made.
	Network Network
	// Calls are numbers of further system calls that the program makes.
	Calls []uint32
	// Require makes Process fail, before anything is changed, where the kernel lacks
	// Landlock or seccomp. Otherwise it does with what there is.
	Require bool
}

// Network says which sockets a process may make.
type Network int

// Sockets are TCP's and UDP's, of IPv4 and IPv6; there are no others. Names are
// looked up with files: see ResolverFiles.
const (
	NoNetwork Network = iota // none
	Outgoing                 // those that connect, and UDP's
	Listening                // also those that listen
)

// ErrConfined is returned by Process in a process that has confined itself before.
var ErrConfined = errors.New("confine: this process is confined already, which cannot be changed")

// place is a path that may be opened.
type place struct {
	path      string
	mode      fs.FileMode // its type
	writeable bool
}

// places looks the paths up.
func (c *Config) places() ([]place, error) {
	var list []place
	add := func(field string, paths []string, writeable bool) error {
		for _, path := range paths {
			if path == "" {
				return fmt.Errorf("confine: %s: an empty path; for the working directory name %q", field, ".")
			}
			info, err := os.Stat(path)
			if err != nil {
				return fmt.Errorf("confine: %s: %w; leave out what is not there", field, err)
			}
			list = append(list, place{path, info.Mode().Type(), writeable})
		}
		return nil
	}
	if err := add("ReadOnly", c.ReadOnly, false); err != nil {
		return nil, err
	}
	return list, add("ReadWrite", c.ReadWrite, true)
}

func (c *Config) check() error {
	if c.Network < NoNetwork || c.Network > Listening {
		return fmt.Errorf("confine: Network %d: want NoNetwork, Outgoing or Listening", c.Network)
	}
	for _, nr := range c.Calls {
		if nr == unix.SYS_IOCTL || nr > lastCall {
			return fmt.Errorf("confine: Calls: %d: want numbers of system calls up to %d, and not ioctl, of which some are allowed", nr, lastCall)
		}
	}
	return nil
}
