package linux

import (
	"fmt"
	"os"
	"path"
	"strconv"

	"linuxkvm/internal/guestinit"
	"linuxkvm/virtio"
	"linuxkvm/virtio/fs"
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
}

func (c *Config) checkVolumes() error {
	at := map[string]string{}
	for _, v := range c.Volumes {
		where := path.Clean(v.Mount)
		switch {
		case !path.IsAbs(v.Mount) || where == "/":
			return fmt.Errorf("linux: volume %s: mount point %q: want an absolute path of the guest, and not its root", v.Path, v.Mount)
		case at[where] != "":
			return fmt.Errorf("linux: volumes %s and %s are both to be at %s of the guest: choose another place for one", at[where], v.Path, where)
		}
		at[where] = v.Path
		if info, err := os.Stat(v.Path); err != nil {
			return fmt.Errorf("linux: volume: %w", err)
		} else if !info.IsDir() {
			return fmt.Errorf("linux: volume %s is no directory: share the one that it is in", v.Path)
		}
	}
	return nil
}

// volumes are the directories to share; their tags are their numbers.
func (c *Config) volumes() []Volume { return c.Volumes }

func volumeTag(i int) string { return "volume" + strconv.Itoa(i) }

func (v *Volume) mount(i int) guestinit.Mount {
	return guestinit.Mount{Source: volumeTag(i), Target: v.Mount, Type: "virtiofs", ReadOnly: v.ReadOnly}
}

func (v *Volume) open(i int) (virtio.Device, error) {
	d, err := fs.New(fs.Config{Tag: volumeTag(i), Dir: v.Path, ReadOnly: v.ReadOnly})
	if err != nil {
		return nil, fmt.Errorf("linux: volume %s: %w", v.Path, err)
	}
	return d, nil
}
