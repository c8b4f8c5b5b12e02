package kvm

import (
	"errors"
	"os"
	"syscall"
	"testing"

	"linuxkvm/uapi"
)

func TestVFIO(t *testing.T) {
	vm, old := newVFIODevice(t)
	_, err := vm.CreateVFIO()
	if err == nil {
		t.Fatal("a second device of the type was made")
	}
	must(t, old.Close())
	v, err := newTestVM(t).CreateVFIO()
	must(t, err)
	made.note(t, v.fd)
	defer v.Close()
	file, err := os.Open(os.DevNull)
	must(t, err)
	// The kernel looks at the file, and it is not one of VFIO's.
	wantError(t, v.AddFile(file), syscall.EINVAL, "KVM_SET_DEVICE_ATTR")
	if err := v.DelFile(file); !errors.Is(err, syscall.ENOENT) && !errors.Is(err, syscall.EINVAL) {
		t.Errorf("a file that was not added is taken back: %v", err)
	}
	must(t, file.Close())
	wantError(t, v.AddFile(file), ErrInvalid, "descriptor")
	wantError(t, v.AddFile(nil), ErrInvalid, "no file")
	must(t, v.Close())
	file, err = os.Open(os.DevNull)
	must(t, err)
	defer file.Close()
	wantError(t, v.AddFile(file), ErrClosed)
}

func TestEncodeVFIO(t *testing.T) {
	var log attrLog
	v := &VFIO{attrs: &log}
	file, err := os.Open(os.DevNull)
	must(t, err)
	defer file.Close()
	log.sets(t, v.AddFile(file), uapi.DevVFIOFile, 1, u32(uint32(file.Fd())))
	log.sets(t, v.DelFile(file), uapi.DevVFIOFile, 2, u32(uint32(file.Fd())))
	log.refuses(t, v.AddFile(nil))
	log.refuses(t, v.DelFile((*os.File)(nil)))
}
