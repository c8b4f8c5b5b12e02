package rig

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"linuxkvm/internal/cpio"
	"linuxkvm/internal/kmod"
	"linuxkvm/internal/rig/wire"
)

// makeInitramfs returns an initramfs in memory: there is no file to leave behind.
//
// It is not compressed. QEMU hands it over with one copy, while the emulated
// processor would need seconds to inflate it.
func makeInitramfs(init string, modules []kmod.Loadable, files []File) (*os.File, error) {
	fd, err := unix.MemfdCreate("rig-initramfs", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("rig: memfd_create: %w", err)
	}
	f := os.NewFile(uintptr(fd), "rig-initramfs")
	if err := writeInitramfs(f, init, modules, files); err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

func writeInitramfs(f *os.File, init string, modules []kmod.Loadable, files []File) error {
	buffered := bufio.NewWriterSize(f, 1<<20)
	w := cpio.NewWriter(buffered)
	// The kernel opens it for process 1 before anything is mounted.
	if err := w.CharDevice("dev/console", 0o600, 5, 1); err != nil {
		return err
	}
	if err := addHost(w, "init", init); err != nil {
		return err
	}
	if err := addModules(w, modules); err != nil {
		return err
	}
	for _, file := range files {
		if err := addFile(w, file); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	return buffered.Flush()
}

func addModules(w *cpio.Writer, modules []kmod.Loadable) error {
	var config wire.BootConfig
	for _, m := range modules {
		name := "/rig/modules/" + kmod.Canonical(m.Name) + ".ko"
		if err := w.File(name, 0o644, int64(len(m.Data)), bytes.NewReader(m.Data)); err != nil {
			return err
		}
		config.Modules = append(config.Modules, wire.Module{
			Name: m.Name, Path: name, Params: m.Params, Optional: m.Optional,
		})
	}
	b, err := json.Marshal(config)
	if err != nil {
		return err
	}
	return w.File(wire.BootConfigPath, 0o644, int64(len(b)), bytes.NewReader(b))
}

func addFile(w *cpio.Writer, f File) error {
	if f.Guest == "" {
		return fmt.Errorf("rig: a file for the guest has no path there (host: %q)", f.Host)
	}
	if strings.HasSuffix(f.Guest, "/") {
		return w.Dir(f.Guest, 0o755)
	}
	if f.Host != "" {
		return addHost(w, f.Guest, f.Host)
	}
	perm := f.Perm
	if perm == 0 {
		perm = 0o644
	}
	return w.File(f.Guest, perm, int64(len(f.Data)), bytes.NewReader(f.Data))
}

// addHost adds a file or a directory with all below it. The path itself may be a
// symbolic link; links below it stay links.
func addHost(w *cpio.Writer, guest, host string) error {
	info, err := os.Stat(host)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return addRegular(w, guest, host, info)
	}
	return filepath.WalkDir(host, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(host, name)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		target := path.Join(guest, filepath.ToSlash(rel))
		switch {
		case d.IsDir():
			return w.Dir(target, uint32(info.Mode().Perm()))
		case d.Type() == fs.ModeSymlink:
			link, err := os.Readlink(name)
			if err != nil {
				return err
			}
			return w.Symlink(target, link)
		default:
			return addRegular(w, target, name, info)
		}
	})
}

func addRegular(w *cpio.Writer, guest, host string, info fs.FileInfo) error {
	if !info.Mode().IsRegular() {
		return fmt.Errorf("rig: %s is no regular file, directory or link", host)
	}
	f, err := os.Open(host)
	if err != nil {
		return err
	}
	defer f.Close()
	return w.File(guest, uint32(info.Mode().Perm()), info.Size(), f)
}
