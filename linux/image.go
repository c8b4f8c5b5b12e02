package linux

import (
	"context"

	"linuxkvm/image"
)

// ImageRoot is a root of a container image: its disk, which is made once and shared
// by all guests, under a layer in the guest's memory.
func ImageRoot(ctx context.Context, cache *image.Cache, i *image.Image) (Root, error) {
	path, err := cache.Disk(ctx, i)
	if err != nil {
		return Root{}, err
	}
	return Root{Disk: &Disk{Path: path, ReadOnly: true}, Layer: true}, nil
}
