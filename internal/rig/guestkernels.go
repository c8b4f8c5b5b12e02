package rig

import (
	"context"
	"maps"
	"path"
	"path/filepath"
	"slices"

	"linuxkvm/internal/kmod"
)

// GuestKernelsDir is where GuestKernels puts the images in the guest.
const GuestKernelsDir = "/kernels"

// GuestModulesDir is where the modules of each of them are.
const GuestModulesDir = "/kernel-modules"

// GuestKernelsEnv names the variable that tells tests that directory.
const GuestKernelsEnv = "KVM_TEST_GUEST_KERNELS"

// GuestKernels returns the bootable images of the lanes of an architecture as
// files for a guest, each named after its lane ("amd64-6.1"), for tests that
// boot Linux in a machine of their own. Of lanes with the same kernel it is the
// first one's.
func GuestKernels(ctx context.Context, goarch string, opts FetchOptions) ([]File, error) {
	var files []File
	for _, l := range kernelLanes(goarch) {
		k, err := l.Fetch(ctx, opts)
		if err != nil {
			return nil, err
		}
		files = append(files, File{Guest: path.Join(GuestKernelsDir, l.Name), Host: k.Image})
		modules, err := k.GuestModules(path.Join(GuestModulesDir, l.Name))
		if err != nil {
			return nil, err
		}
		files = append(files, modules...)
	}
	return files, nil
}

// GuestModules are the modules that guests of ours need, as files for a directory.
func (k *Kernel) GuestModules(dir string) ([]File, error) {
	wanted := []Module{kmod.Virtio}
	for _, what := range slices.Sorted(maps.Keys(kmod.GuestModules)) {
		wanted = append(wanted, kmod.GuestModules[what]...)
	}
	modules, err := k.resolve(wanted)
	if err != nil {
		return nil, err
	}
	files := []File{{Guest: path.Join(dir, "modules.builtin"), Host: filepath.Join(k.Modules, "modules.builtin")}}
	for _, m := range modules {
		files = append(files, File{Guest: path.Join(dir, kmod.Canonical(m.Name)+".ko"), Data: m.Data})
	}
	return files, nil
}

// kernelLanes are the lanes of an architecture, one for each kernel.
func kernelLanes(goarch string) []Lane {
	var list []Lane
	for _, l := range lanes {
		same := func(other Lane) bool { return other.Suite == l.Suite && slices.Equal(other.Packages, l.Packages) }
		if l.GOARCH == goarch && !slices.ContainsFunc(list, same) {
			list = append(list, l)
		}
	}
	return list
}
