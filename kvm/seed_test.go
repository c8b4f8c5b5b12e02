package kvm

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"linuxkvm/memory"
	"linuxkvm/uapi"
)

// The tests of this file go through what the original crate offers, row by row;
// the package documentation maps its names to ours.

func TestSeedOpen(t *testing.T) {
	s := openSystem(t)
	fd, ok := s.fd.Acquire()
	if !ok {
		t.Fatal("closed")
	}
	defer s.fd.Release()
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	must(t, err)
	if flags&unix.FD_CLOEXEC == 0 {
		t.Error("a child process would inherit /dev/kvm")
	}
	mode, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	must(t, err)
	if mode&unix.O_ACCMODE != unix.O_RDWR {
		t.Errorf("open mode %#x, want read-write", mode)
	}
}

func TestSeedOpenErrors(t *testing.T) {
	for errno, words := range map[syscall.Errno]string{
		syscall.ENOENT: "modprobe",
		syscall.EACCES: "group",
		syscall.ENODEV: "module",
	} {
		wantError(t, openError(errno), errno, "/dev/kvm", words)
	}
	wantError(t, openError(syscall.ENOENT), os.ErrNotExist)
	wantError(t, openError(syscall.EACCES), os.ErrPermission)
}

func TestSeedFromFile(t *testing.T) {
	openSystem(t)
	f, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0)
	must(t, err)
	s, err := NewSystem(f)
	must(t, err)
	defer s.Close()
	if _, err := f.Stat(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("the file is still open: %v", err)
	}
	if v, err := s.APIVersion(); err != nil || v != 12 {
		t.Errorf("API version %d, %v", v, err)
	}
	_, err = NewSystem(nil)
	wantError(t, err, ErrInvalid)
	plain, err := os.Create(filepath.Join(t.TempDir(), "plain"))
	must(t, err)
	if _, err := NewSystem(plain); err == nil || !strings.Contains(err.Error(), "not KVM's device") {
		t.Errorf("a plain file is no /dev/kvm: %v", err)
	}
	if _, err := plain.Stat(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("the refused file is still open: %v", err)
	}
}

func TestSeedAPIVersion(t *testing.T) {
	if v, err := openSystem(t).APIVersion(); v != 12 || err != nil {
		t.Errorf("API version %d, %v; want 12", v, err)
	}
}

func TestSeedCheckExtension(t *testing.T) {
	s := openSystem(t)
	vm, err := s.CreateVM()
	must(t, err)
	defer vm.Close()
	for _, of := range []extensions{s, vm} {
		if n, err := of.CheckExtension(uapi.CapUserMemory); n != 1 || err != nil {
			t.Errorf("%T: user memory %d, %v; want 1", of, n, err)
		}
		if n, err := of.CheckExtension(uapi.CapNrMemslots); n < 2 || err != nil {
			t.Errorf("%T: memory slots %d, %v; want a number", of, n, err)
		}
		if n, err := of.CheckExtension(1 << 30); n != 0 || err != nil {
			t.Errorf("%T: what nobody knows %d, %v; want 0", of, n, err)
		}
	}
	must(t, s.Close())
	must(t, vm.Close())
	for _, of := range []extensions{s, vm} {
		_, err := of.CheckExtension(uapi.CapUserMemory)
		wantError(t, err, ErrClosed, "KVM_CHECK_EXTENSION")
	}
}

func TestSeedVCPUMmapSize(t *testing.T) {
	n, err := openSystem(t).VCPUMmapSize()
	must(t, err)
	if n < sizeofRun || n%os.Getpagesize() != 0 {
		t.Errorf("%d bytes for a struct of %d", n, sizeofRun)
	}
	// What to_runner refused.
	wantError(t, checkRunArea(sizeofRun-1), syscall.ENOMEM)
	must(t, checkRunArea(sizeofRun))
}

func TestSeedCreateVCPU(t *testing.T) {
	vm := newTestVM(t)
	for id := range 3 {
		v := newTestVCPU(t, vm, id)
		if v.ID() != id || v.VM() != vm {
			t.Errorf("vCPU %d of %p says %d of %p", id, vm, v.ID(), v.VM())
		}
	}
	again := syscall.EEXIST
	if runtime.GOARCH == "ppc64le" { // the core with that number is taken
		again = syscall.EINVAL
	}
	for id, want := range map[int]error{-1: ErrInvalid, 1: again, 1 << 40: ErrInvalid, 1 << 30: syscall.EINVAL} {
		if v, err := vm.CreateVCPU(id); !errors.Is(err, want) {
			t.Errorf("vCPU %d: %v, %v; want %v", id, v, err, want)
		}
	}
}

func TestSeedMemoryRegionRefusals(t *testing.T) {
	vm := newTestVM(t)
	r, err := memory.New(0x10000)
	must(t, err)
	defer r.Close()
	wantError(t, vm.SetUserMemoryRegion(0, 0, 0x123, r), ErrInvalid, "page size")
	wantError(t, vm.SetUserMemoryRegion(0, 0, 1<<64-0x1000, r), ErrInvalid)
	wantError(t, vm.SetUserMemoryRegion(0, 1<<31, 0, r), syscall.EINVAL)
	wantError(t, vm.SetUserMemoryRegion(1<<32-1, 0, 0, r), syscall.EINVAL)
	must(t, r.Close()) // nothing has kept it
	wantError(t, vm.SetUserMemoryRegion(0, 0, 0, r), ErrClosed)
	wantError(t, vm.DeleteMemoryRegion(7), syscall.EINVAL) // empty already
}
