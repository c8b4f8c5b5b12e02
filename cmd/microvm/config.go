package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"

	"linuxkvm/boot"
	"linuxkvm/cmd/microvm/internal/registry"
	"linuxkvm/cmd/microvm/internal/size"
	"linuxkvm/machine"
)

func parseCPUs(s string) (int, error) {
	n, err := strconv.Atoi(s)
	switch {
	case err != nil && !errors.Is(err, strconv.ErrRange):
		return 0, fmt.Errorf("%q is not a number: want 1 to %d", s, machine.MaxCPUs)
	case err != nil || n < 1 || n > machine.MaxCPUs:
		return 0, fmt.Errorf("a machine has 1 to %d vCPUs, not %s", machine.MaxCPUs, s)
	}
	return n, nil
}

// images are the files a machine is started from.
type images struct {
	kernel, initrd *boot.File // initrd may be nil
}

func openImages(f *runFlags) (*images, error) {
	kernel, err := openImage("kernel", f.kernel)
	if err != nil {
		return nil, err
	}
	i := &images{kernel: kernel}
	if f.initrd == "" {
		return i, nil
	}
	if i.initrd, err = openImage("initrd", f.initrd); err != nil {
		i.close()
		return nil, err
	}
	return i, nil
}

// openImage opens a file and says which flag it came from when it cannot.
func openImage(what, path string) (*boot.File, error) {
	file, err := boot.Open(path)
	if err == nil {
		return file, nil
	}
	remedy := "give the path of a file with --" + what
	var pathError *os.PathError
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("%s %s: there is no such file; %s", what, path, remedy)
	case errors.Is(err, os.ErrPermission):
		return nil, fmt.Errorf("%s %s: no permission to read it; make it readable for this user, or run as one who may", what, path)
	case isDirectory(path):
		return nil, fmt.Errorf("%s %s: this is a directory; %s", what, path, remedy)
	case errors.As(err, &pathError) && errors.Is(err, syscall.ENOTDIR):
		return nil, fmt.Errorf("%s %s: part of the path is not a directory; %s", what, path, remedy)
	}
	return nil, fmt.Errorf("%s: %w", what, err)
}

func isDirectory(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.IsDir()
}

// close closes the files, which were only read.
func (i *images) close() {
	_ = i.kernel.Close()
	if i.initrd != nil {
		_ = i.initrd.Close()
	}
}

// Guest memory is whole pages, and ends where addresses of 46 bits may end.
const (
	pageSize  = 4 << 10
	maxMemory = size.Bytes(32 << 40)
)

// check refuses sizes of memory, names and networks that no machine can have, by the flag.
func (f *runFlags) check() error {
	switch {
	case f.memory == 0:
		return errors.New("--memory: a machine needs memory; ask for 64M or more for a Linux kernel")
	case f.memory%pageSize != 0:
		return fmt.Errorf("--memory %s: want a multiple of %s", f.memory, size.Bytes(pageSize))
	case f.memory > maxMemory:
		return fmt.Errorf("--memory %s: a machine has at most %s", f.memory, maxMemory)
	}
	if f.named.name != "" {
		if err := registry.CheckName(f.named.name); err != nil {
			return fmt.Errorf("--name: %w", err)
		}
	}
	return f.network.check()
}

// config describes the machine that the flags ask for, without its console.
func (f *runFlags) config(i *images) machine.Config {
	c := machine.Config{
		Kernel:  i.kernel,
		Cmdline: f.cmdline,
		CPUs:    int(f.cpus),
		Memory:  uint64(f.memory),
	}
	if i.initrd != nil {
		c.Initrd = i.initrd
	}
	return c
}

// explain adds to an error of machine.New which file or flag it is about.
func (f *runFlags) explain(err error) error {
	var refused *boot.FormatError
	switch {
	case errors.Is(err, boot.ErrTooSmall):
		return fmt.Errorf("--memory %s: %s", f.memory, sentence(err))
	case errors.Is(err, boot.ErrCmdline):
		return fmt.Errorf("--cmdline: %s", sentence(err))
	case errors.Is(err, boot.ErrInitrd):
		return fmt.Errorf("initrd %s: %s", f.initrd, sentence(err))
	case errors.As(err, &refused):
		return fmt.Errorf("kernel %s: %s", f.kernel, sentence(err))
	case errors.Is(err, syscall.ENOMEM):
		return fmt.Errorf("--memory %s: the host has not that much to give; ask for less (%s)", f.memory, sentence(err))
	}
	return err
}
