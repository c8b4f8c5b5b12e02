package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"

	"linuxkvm/image"
	"linuxkvm/linux"
)

// hostRoot is the value of --root for the host's own tree.
const hostRoot = "host"

// parseVolume reads HOST:GUEST[:ro].
func parseVolume(text string) (linux.Volume, error) {
	parts := strings.Split(text, ":")
	bad := func(why string) (linux.Volume, error) {
		return linux.Volume{}, fmt.Errorf("--volume %q: %s; want HOST:GUEST[:ro], two directories of which GUEST is absolute", text, why)
	}
	switch {
	case len(parts) < 2:
		return bad("no directory of the guest")
	case len(parts) > 3:
		return bad("too many colons, of which a name can have none here")
	case parts[0] == "":
		return bad("no directory of the host")
	case !strings.HasPrefix(parts[0], "/") && !strings.HasPrefix(parts[0], "."):
		return bad(fmt.Sprintf("a volume has no name of its own; for a directory that is here write ./%s", parts[0]))
	case !strings.HasPrefix(parts[1], "/"):
		return bad(fmt.Sprintf("%q is not absolute", parts[1]))
	}
	v := linux.Volume{Path: parts[0], Mount: parts[1]}
	if len(parts) == 3 {
		switch parts[2] {
		case "ro":
			v.ReadOnly = true
		case "rw":
		default:
			return bad(fmt.Sprintf("%q is neither ro nor rw", parts[2]))
		}
	}
	return v, nil
}

// parseRoot reads host or DIRECTORY[:rw].
func parseRoot(text string) (linux.Root, error) {
	path, option, given := strings.Cut(text, ":")
	switch {
	case text == hostRoot:
		return linux.HostRoot(), nil
	case path == hostRoot:
		return linux.Root{}, fmt.Errorf("--root %q: the host's own tree is not written to; for a directory of that name write ./%s", text, text)
	case path == "" || given && option != "rw":
		return linux.Root{}, fmt.Errorf("--root %q: want %s or DIRECTORY[:rw]", text, hostRoot)
	}
	return linux.Root{Directory: &linux.Volume{Path: path}, Layer: !given}, nil
}

// shares reads the flags that share directories and files with a guest, but for its
// root.
func (f *runFlags) shares(cfg *linux.Config) error {
	for _, text := range f.command.disks {
		d, err := parseDisk(text)
		if err != nil {
			return err
		}
		cfg.Disks = append(cfg.Disks, d)
	}
	for _, text := range f.command.volumes {
		v, err := parseVolume(text)
		if err != nil {
			return err
		}
		cfg.Volumes = append(cfg.Volumes, v)
	}
	return nil
}

// openRoot makes the guest's root. The image is nil where there is none.
func (f *runFlags) openRoot(ctx context.Context, cfg *linux.Config, progress io.Writer) (*image.Image, error) {
	if f.command.image == "" {
		var err error
		cfg.Root, err = parseRoot(f.command.root)
		return nil, err
	}
	img, err := openContainerImage(ctx, f.command.image)
	if err != nil {
		return nil, err
	}
	cache := image.Cache{Progress: unpackProgress(progress, img.Name())}
	if cfg.Root, err = linux.ImageRoot(ctx, &cache, img); err != nil {
		return nil, errors.Join(err, img.Close())
	}
	return img, nil
}

// directories are those that the guest shares, by whether it may change them: files in
// them are opened for as long as it runs.
func directories(cfg *linux.Config) (readOnly, readWrite []string) {
	list := cfg.Volumes
	if r := cfg.Root.Directory; r != nil {
		list = append(list[:len(list):len(list)], linux.Volume{Path: r.Path, ReadOnly: r.ReadOnly || cfg.Root.Layer})
	}
	for _, v := range list {
		if v.ReadOnly {
			readOnly = append(readOnly, v.Path)
		} else {
			readWrite = append(readWrite, v.Path)
		}
	}
	return readOnly, readWrite
}

// chooseRoot finds out what is to be the root of a command, if there is one to run.
// What comes without -- may be the name of a kernel, meant for --kernel.
func (f *runFlags) chooseRoot(args []string, dash bool) error {
	switch {
	case f.command.image != "" && f.command.root != "":
		return fmt.Errorf("--image %s and --root %s: a command has one root; leave one out", f.command.image, f.command.root)
	case f.command.image != "" || f.command.root != "" || len(args) == 0:
		return nil
	case dash:
		f.command.root = hostRoot
		return nil
	}
	return fmt.Errorf("%q: no root for that command: write -- before it to run this host's own, or name an image with --image, such as --image debian; a kernel is named with --kernel", args[0])
}

// commandFlagNames are flags that mean nothing without a command: a kernel that is
// booted by itself has a console and no more.
var commandFlagNames = []string{
	"disk", "egress", "env", "interactive", "net", "publish", "tty", "user", "volume", "workdir",
}

// checkCommandFlags refuses those that would be ignored.
func (f *runFlags) checkCommandFlags(flags *pflag.FlagSet) error {
	if f.hasCommand() {
		return nil
	}
	for _, name := range commandFlagNames {
		if flags.Changed(name) {
			return fmt.Errorf("--%s: there is no command to run: give one behind --, or name an image with --image", name)
		}
	}
	return nil
}

// hasCommand says that a guest is made for a command.
func (f *runFlags) hasCommand() bool { return f.command.image != "" || f.command.root != "" }
