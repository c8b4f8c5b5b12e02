package linux

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"

	"linuxkvm/internal/guestinit"
	"linuxkvm/virtio"
	sharing "linuxkvm/virtio/fs"
)

// Volume is a directory of the host that the guest shares as it is: what one of them
// writes the other reads, at most a second later. See package virtio/fs for what the
// guest can reach and whose its files are.
type Volume struct {
	// Path is the host's directory.
	Path string
	// Mount is where it is in the guest, an absolute path.
	Mount string
	// ReadOnly keeps the guest from changing it.
	ReadOnly bool

	keepCache bool
}

// checkMounts refuses what cannot be mounted, before anything starts.
func (c *Config) checkMounts() error {
	at := map[string]string{}
	check := func(what, mount string) error {
		where := path.Clean(mount)
		switch {
		case !path.IsAbs(mount) || where == "/" || strings.ContainsRune(mount, 0):
			return fmt.Errorf("linux: %s: mount point %q: want an absolute path of the guest, and not its root", what, mount)
		case kernelDirs[where]:
			return fmt.Errorf("linux: %s: mount point %s is the guest kernel's: choose another place", what, where)
		case at[where] != "":
			return fmt.Errorf("linux: %s and %s are both to be at %s of the guest: choose another place for one", at[where], what, where)
		}
		at[where] = what
		return nil
	}
	for _, d := range c.Disks {
		if d.Mount != "" {
			if err := check("disk "+d.Path, d.Mount); err != nil {
				return err
			}
		}
	}
	for _, v := range c.Volumes {
		if err := errors.Join(check("volume "+v.Path, v.Mount), v.checkPath()); err != nil {
			return err
		}
	}
	return nil
}

// kernelDirs are needed as they are by the guest's first process.
var kernelDirs = map[string]bool{"/proc": true, "/sys": true, "/dev": true}

func (v *Volume) checkPath() error {
	if v.Path == "" {
		return fmt.Errorf("linux: the volume for %s has no path: name a directory of the host", v.Mount)
	}
	info, err := os.Stat(v.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("linux: volume: %w: make the directory first", err)
	case err != nil:
		return fmt.Errorf("linux: volume: %w", err)
	case !info.IsDir():
		return fmt.Errorf("linux: volume %s is no directory: share the one that it is in", v.Path)
	}
	return nil
}

// volumes are the directories to share, the root first; their tags are their numbers.
func (c *Config) volumes() []Volume {
	var list []Volume
	if c.Root.Directory != nil {
		root := *c.Root.Directory
		// What the layer is over stays as it is, whatever the guest does.
		root.ReadOnly = root.ReadOnly || c.Root.Layer
		root.keepCache = c.Root.Layer
		list = append(list, root)
	}
	return append(list, c.Volumes...)
}

func volumeTag(i int) string { return "volume" + strconv.Itoa(i) }

func (v *Volume) mount(i int) guestinit.Mount {
	return guestinit.Mount{Source: volumeTag(i), Target: v.Mount, Type: "virtiofs", ReadOnly: v.ReadOnly}
}

func (v *Volume) open(i int) (virtio.Device, error) {
	d, err := sharing.New(sharing.Config{Tag: volumeTag(i), Dir: v.Path, ReadOnly: v.ReadOnly, KeepCache: v.keepCache})
	if err != nil {
		return nil, fmt.Errorf("linux: volume %s: %w", v.Path, err)
	}
	return d, nil
}
