package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/Microsoft/hcsshim/ext4/tar2ext4"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"golang.org/x/sys/unix"
)

// Cache is a directory with disks, by the digest of their images. Several processes
// may use it.
type Cache struct {
	// Dir is the directory; empty is linuxkvm/images in the user's cache.
	Dir string
	// Progress is called with how many bytes of the file system's contents are
	// written; nil for nobody.
	Progress func(done int64)
}

// Disk returns the path of an image's disk, which it makes if it is not there. Its
// file is not to be written to.
func (c *Cache) Disk(ctx context.Context, i *Image) (string, error) {
	dir := c.Dir
	if dir == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("image: nowhere to keep disks: %w", err)
		}
		dir = filepath.Join(base, "linuxkvm", "images")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("image: %w", err)
	}
	path := filepath.Join(dir, i.digest.Hex+".ext4")
	unlock, err := lock(path + ".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	return path, c.make(ctx, i, path)
}

// make writes the disk to a file of another name first: what has the name is whole.
func (c *Cache) make(ctx context.Context, i *Image, path string) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return fmt.Errorf("image: %w", err)
	}
	err = i.WriteDisk(ctx, f, c.Progress)
	if err == nil {
		err = errors.Join(f.Chmod(0o400), f.Sync())
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("image %s: %w", i.name, err), os.Remove(f.Name()))
	}
	return nil
}

// WriteDisk writes the image's disk: an ext4 file system, which has no room for more.
// progress may be nil.
func (i *Image) WriteDisk(ctx context.Context, w io.ReadWriteSeeker, progress func(done int64)) error {
	layers := mutate.Extract(i.image)
	defer layers.Close()
	r := &counter{ctx: ctx, r: layers, tell: progress}
	return tar2ext4.ConvertTarToExt4(r, w)
}

// counter tells how far a copy is, and ends it with its context.
type counter struct {
	ctx  context.Context
	r    io.Reader
	n    int64
	tell func(int64)
}

func (c *counter) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.r.Read(p)
	c.n += int64(n)
	if c.tell != nil {
		c.tell(c.n)
	}
	return n, err
}

// lock waits for a file that only one process holds.
func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("image: %w", err)
	}
	for {
		if err = unix.Flock(int(f.Fd()), unix.LOCK_EX); !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("image: lock %s: %w", path, err), f.Close())
	}
	return func() { _ = f.Close() }, nil // which unlocks it
}
