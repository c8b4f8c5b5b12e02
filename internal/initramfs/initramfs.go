// Package initramfs makes the first file system of the guests that this project makes:
// the guest's first process, the modules it loads and what it is to do (guestinit).
package initramfs

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

	"linuxkvm/internal/cpio"
	"linuxkvm/internal/guestinit"
	"linuxkvm/internal/kmod"
)

// Archive is what goes into one.
type Archive struct {
	// Modules are those that the guest needs, of the tree in ModuleDir; without a tree
	// they are built in, or the guest says what it lacks.
	Modules   []kmod.Module
	ModuleDir string
	// Config is what the guest is to do. Its Modules are filled in.
	Config guestinit.Config
	// Program is the static program for the guest's first process.
	Program string
}

// Build writes the archive to a file in memory. It is not compressed: it is handed to
// the guest with one copy, while the guest would need time to inflate it.
func (a *Archive) Build() (*os.File, error) {
	fd, err := unix.MemfdCreate("initramfs", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	f := os.NewFile(uintptr(fd), "initramfs")
	if err := a.Write(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Write writes the archive.
func (a *Archive) Write(out io.Writer) error {
	w := cpio.NewWriter(out)
	// The kernel opens it for the first process before anything is mounted.
	if err := w.CharDevice("dev/console", 0o600, 5, 1); err != nil {
		return err
	}
	if err := a.addProgram(w); err != nil {
		return err
	}
	if err := a.addModules(w); err != nil {
		return err
	}
	b, err := json.Marshal(a.Config)
	if err != nil {
		return err
	}
	if err := w.File(guestinit.ConfigPath, 0o600, int64(len(b)), bytes.NewReader(b)); err != nil {
		return err
	}
	return w.Close()
}

func (a *Archive) addModules(w *cpio.Writer) error {
	if a.ModuleDir == "" {
		return nil
	}
	tree := kmod.Tree{Dir: a.ModuleDir}
	modules, err := tree.Resolve(a.Modules)
	if err != nil {
		return fmt.Errorf("initramfs: %w", err)
	}
	for _, m := range modules {
		name := path.Join(guestinit.ModuleDir, kmod.Canonical(m.Name)+".ko")
		if err := w.File(name, 0o600, int64(len(m.Data)), bytes.NewReader(m.Data)); err != nil {
			return err
		}
		a.Config.Modules = append(a.Config.Modules, guestinit.Module{Path: name, Params: m.Params, Optional: m.Optional})
	}
	return nil
}

func (a *Archive) addProgram(w *cpio.Writer) error {
	f, err := os.Open(a.Program)
	if err != nil {
		return fmt.Errorf("initramfs: the guest's first program: %w", err)
	}
	defer f.Close()
	e, err := elf.NewFile(f)
	if err != nil {
		return fmt.Errorf("initramfs: %s: no program for a guest: %w", a.Program, err)
	}
	if err := checkStatic(e, a.Program); err != nil {
		return err
	}
	size := loaded(e)
	if size == 0 {
		return fmt.Errorf("initramfs: %s: no program for a guest: nothing of it is loaded", a.Program)
	}
	return w.File("init", 0o755, size, io.NewSectionReader(f, 0, size))
}

// loaded is how much of a program's file, from its start on, is needed to run it.
// What a debugger would want lies behind, a third of the whole with Go's linker, and
// would be copied twice on the guest's way to its first process. The header goes on
// to name sections that are not there, which neither Linux nor Go's runtime reads.
func loaded(e *elf.File) int64 {
	var end uint64
	for _, p := range e.Progs {
		if p.Type == elf.PT_LOAD {
			end = max(end, p.Off+p.Filesz)
		}
	}
	return int64(end)
}

// checkStatic refuses a program that needs files which the guest has not.
func checkStatic(e *elf.File, name string) error {
	if e.Machine != machines[runtime.GOARCH] {
		return fmt.Errorf("initramfs: %s is a program for %v, not for this host's guests", name, e.Machine)
	}
	for _, p := range e.Progs {
		if p.Type == elf.PT_INTERP {
			return fmt.Errorf("initramfs: %s is dynamically linked, and it has to run as a guest's first program: build it with CGO_ENABLED=0", name)
		}
	}
	return nil
}

var machines = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64, "riscv64": elf.EM_RISCV}
