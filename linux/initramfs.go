package linux

import (
	"bytes"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"runtime"

	"golang.org/x/sys/unix"

	"linuxkvm/boot"
	"linuxkvm/internal/cpio"
	"linuxkvm/internal/guestinit"
	"linuxkvm/internal/kmod"
)

// initramfs is what goes into one.
type initramfs struct {
	kernel  Kernel
	modules []kmod.Module
	config  guestinit.Config
	program string // the guest's /init
}

// build writes the archive to memory. It is not compressed: it is handed to the
// guest with one copy, while the guest would need time to inflate it.
func (i *initramfs) build() (*boot.File, error) {
	fd, err := unix.MemfdCreate("initramfs", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	f := os.NewFile(uintptr(fd), "initramfs")
	if err := i.write(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return boot.NewFile(f)
}

func (i *initramfs) write(out io.Writer) error {
	w := cpio.NewWriter(out)
	// The kernel opens it for the first process before anything is mounted.
	if err := w.CharDevice("dev/console", 0o600, 5, 1); err != nil {
		return err
	}
	if err := i.addProgram(w); err != nil {
		return err
	}
	if err := i.addModules(w); err != nil {
		return err
	}
	b, err := json.Marshal(i.config)
	if err != nil {
		return err
	}
	if err := w.File(guestinit.ConfigPath, 0o600, int64(len(b)), bytes.NewReader(b)); err != nil {
		return err
	}
	return w.Close()
}

func (i *initramfs) addModules(w *cpio.Writer) error {
	if i.kernel.Modules == "" {
		return nil // they are built in, or the guest says what it lacks
	}
	tree := kmod.Tree{Dir: i.kernel.Modules}
	modules, err := tree.Resolve(i.modules)
	if err != nil {
		return fmt.Errorf("linux: modules of %s: %w", i.kernel.Image, err)
	}
	for _, m := range modules {
		name := path.Join(guestinit.ModuleDir, kmod.Canonical(m.Name)+".ko")
		if err := w.File(name, 0o600, int64(len(m.Data)), bytes.NewReader(m.Data)); err != nil {
			return err
		}
		i.config.Modules = append(i.config.Modules, guestinit.Module{Path: name, Params: m.Params, Optional: m.Optional})
	}
	return nil
}

func (i *initramfs) addProgram(w *cpio.Writer) error {
	f, err := os.Open(i.program)
	if err != nil {
		return fmt.Errorf("linux: the guest's first program: %w", err)
	}
	defer f.Close()
	if err := checkStatic(f, i.program); err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return w.File("init", 0o755, info.Size(), io.NewSectionReader(f, 0, info.Size()))
}

// checkStatic refuses a program that needs files which the guest has not.
func checkStatic(f io.ReaderAt, name string) error {
	e, err := elf.NewFile(f)
	if err != nil {
		return fmt.Errorf("linux: %s: no program for a guest: %w", name, err)
	}
	if e.Machine != machines[runtime.GOARCH] {
		return fmt.Errorf("linux: %s is a program for %v, not for this host's guests", name, e.Machine)
	}
	for _, p := range e.Progs {
		if p.Type == elf.PT_INTERP {
			return fmt.Errorf("linux: %s is dynamically linked, and it has to run as a guest's first program: build it with CGO_ENABLED=0", name)
		}
	}
	return nil
}

var machines = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64, "riscv64": elf.EM_RISCV}
