package rig

import (
	"context"
	"path"
	"slices"
)

// GuestKernelsDir is where GuestKernels puts the images in the guest.
const GuestKernelsDir = "/kernels"

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
