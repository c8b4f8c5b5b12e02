package linux

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"

	"linuxkvm/internal/guestinit"
	"linuxkvm/virtio/blk"
)

// Disk is a disk of the guest: a file of the host, raw or qcow2, or a block device.
// It is locked as flock(2) does.
type Disk struct {
	// Path is the file's.
	Path string
	// ReadOnly keeps the guest from writing.
	ReadOnly bool
	// Private leaves the file as it is: what the guest writes is kept in a file
	// without a name, which is gone with the VM. A qcow2 image has to be ReadOnly
	// or Private.
	Private bool
	// Mount is where the guest mounts the disk; empty is nowhere. Filesystem is the
	// type, ext4 if it is empty.
	Mount      string
	Filesystem string
}

// Root is what stands at / for commands. The zero value is the initramfs, with
// nothing but the guest's first program.
type Root struct {
	// Disk has the root; its Mount is not used.
	Disk *Disk
	// Directory is the root instead of a disk; its Mount is not used.
	Directory *Volume
	// Layer has the guest keep what is written in its memory, over a disk or a
	// directory that is read-only. A directory under one is served read-only, and what
	// the guest has read of its files it keeps: a change that a program of the host makes
	// through a mapping (mmap) may stay unseen.
	Layer bool
}

// HostRoot is the host's own tree, read-only, under a layer in the guest's memory: the
// host's commands run in the guest, and what they change is gone with it. The guest's
// root reads every file that this process can, but what the host's kernel shows of
// itself: /proc, /sys and their like. For guests to be trusted with that.
func HostRoot() Root {
	return Root{Directory: &Volume{Path: "/", ReadOnly: true}, Layer: true}
}

func (r *Root) check() error {
	switch {
	case r.Disk != nil && r.Directory != nil:
		return fmt.Errorf("linux: the root is to be disk %s and directory %s: choose one", r.Disk.Path, r.Directory.Path)
	case r.Layer && r.Disk == nil && r.Directory == nil:
		return errors.New("linux: a layer over no root: give Root a Disk or a Directory, or no Layer")
	case r.Directory != nil:
		return r.Directory.checkPath()
	}
	return nil
}

// deviceName is the guest's name of its i-th disk.
func deviceName(i int) string { return "/dev/vd" + string(rune('a'+i)) }

// maxDisks is how many disks have a name of one letter.
const maxDisks = 26

// disks are those of the root and the others, in the order of their names.
func (c *Config) disks() []Disk {
	var list []Disk
	if c.Root.Disk != nil {
		root := *c.Root.Disk
		root.Mount = ""
		list = append(list, root)
	}
	return append(list, c.Disks...)
}

// mounts is what the guest mounts: its root, and others, each after what it is in.
func (c *Config) mounts() (root guestinit.Root, others []guestinit.Mount) {
	var disks, volumes []guestinit.Mount
	for i, d := range c.disks() {
		m := guestinit.Mount{Source: deviceName(i), Target: d.Mount, Type: d.Filesystem, ReadOnly: d.ReadOnly}
		if m.Type == "" {
			m.Type = "ext4"
		}
		disks = append(disks, m)
	}
	for i, v := range c.volumes() {
		volumes = append(volumes, v.mount(i))
	}
	root.Overlay = c.Root.Layer
	switch {
	case c.Root.Disk != nil:
		root.Mount, disks = disks[0], disks[1:]
	case c.Root.Directory != nil:
		root.Mount, volumes = volumes[0], volumes[1:]
	}
	for _, m := range append(disks, volumes...) {
		if m.Target != "" {
			others = append(others, m)
		}
	}
	slices.SortStableFunc(others, func(a, b guestinit.Mount) int { return len(path.Clean(a.Target)) - len(path.Clean(b.Target)) })
	return root, others
}

// openDisk makes the device of a disk, and what is to be closed after it.
func openDisk(d Disk) (_ *blk.Device, closers []io.Closer, err error) {
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("linux: disk %s: %w", d.Path, err), closeAll(closers))
			closers = nil
		}
	}()
	disk, closers, err := d.open()
	if err != nil {
		return nil, closers, err
	}
	dev, err := blk.New(blk.Config{Disk: disk, ReadOnly: d.ReadOnly})
	return dev, closers, err
}

// open opens the files of a disk.
func (d *Disk) open() (blk.Disk, []io.Closer, error) {
	qcow2, err := isQCOW2(d.Path)
	if err != nil {
		return nil, nil, err
	}
	if !qcow2 {
		raw, err := blk.OpenRaw(d.Path, d.ReadOnly || d.Private)
		switch {
		case err != nil:
			return nil, nil, err
		case !d.Private:
			return raw, []io.Closer{raw}, nil
		}
		return private(raw, raw)
	}
	if !d.ReadOnly && !d.Private {
		return nil, nil, errors.New("a qcow2 image cannot be written to: make it Private or ReadOnly")
	}
	image, err := blk.OpenQCOW2(d.Path)
	if err != nil {
		return nil, nil, err
	}
	return private(image, image)
}

// private puts a layer over a base.
func private(base blk.Base, baseFile io.Closer) (blk.Disk, []io.Closer, error) {
	layer, err := blk.NewOverlay(base, "")
	if err != nil {
		return nil, []io.Closer{baseFile}, err
	}
	return layer, []io.Closer{layer, baseFile}, nil
}

func isQCOW2(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	var magic [4]byte
	_, err = io.ReadFull(f, magic[:])
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = nil // a small file is a small disk
	}
	return string(magic[:]) == "QFI\xfb", err
}

func closeAll(list []io.Closer) error {
	var errs []error
	for _, c := range list {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}
