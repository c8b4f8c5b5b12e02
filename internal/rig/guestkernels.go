package rig

import (
	"context"
	"path"
)

// GuestKernelsDir is where GuestKernels puts the images in the guest.
const GuestKernelsDir = "/kernels"

// GuestKernelsEnv names the variable that tells tests that directory.
const GuestKernelsEnv = "KVM_TEST_GUEST_KERNELS"

// GuestKernels returns the bootable images of every lane of an architecture as
// files for a guest, each named after its lane ("amd64-6.1"), for tests that
// boot Linux in a machine of their own.
func GuestKernels(ctx context.Context, goarch string, opts FetchOptions) ([]File, error) {
	var files []File
	for _, l := range lanes {
		if l.GOARCH != goarch {
			continue
		}
		k, err := l.Fetch(ctx, opts)
		if err != nil {
			return nil, err
		}
		files = append(files, File{Guest: path.Join(GuestKernelsDir, l.Name), Host: k.Image})
	}
	return files, nil
}
