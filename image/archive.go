package image

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/match"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// Open finds the image in an archive of docker save, in an OCI archive, or in a
// directory with an OCI layout.
func Open(path string) (*Image, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("image: %w", err)
	}
	if info.IsDir() {
		return openLayout(path, path, func() error { return nil })
	}
	docker, oci, err := archiveKind(path)
	switch {
	case err != nil:
		return nil, fmt.Errorf("image %s: not an archive of an image: %w", path, err)
	case docker:
		img, err := tarball.ImageFromPath(path, nil)
		if err != nil {
			return nil, fmt.Errorf("image %s: %w", path, err)
		}
		return newImage(path, img, func() error { return nil })
	case oci:
		return openOCIArchive(path)
	}
	return nil, fmt.Errorf("image %s: an archive, but neither of docker save nor with an OCI layout", path)
}

// archiveKind looks for the files that tell.
func archiveKind(path string) (docker, oci bool, err error) {
	f, err := os.Open(path)
	if err != nil {
		return false, false, err
	}
	defer f.Close()
	for t := tar.NewReader(f); ; {
		h, err := t.Next()
		if err == io.EOF {
			return docker, oci, nil
		}
		if err != nil {
			return false, false, err
		}
		switch filepath.Clean(h.Name) {
		case "manifest.json":
			docker = true
		case "oci-layout":
			oci = true
		}
	}
}

// openOCIArchive unpacks an archive, which can be read in order only.
func openOCIArchive(path string) (*Image, error) {
	dir, err := os.MkdirTemp("", "linuxkvm-image-")
	if err != nil {
		return nil, fmt.Errorf("image: %w", err)
	}
	end := func() error { return os.RemoveAll(dir) }
	if err := unpack(path, dir); err != nil {
		return nil, errors.Join(fmt.Errorf("image %s: %w", path, err), end())
	}
	return openLayout(path, dir, end)
}

// unpack writes the files of an archive below dir, and nowhere else.
func unpack(path, dir string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for t := tar.NewReader(f); ; {
		h, err := t.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		if err := unpackFile(root, filepath.Clean(h.Name), t); err != nil {
			return err
		}
	}
}

func unpackFile(root *os.Root, name string, r io.Reader) error {
	if dir := filepath.Dir(name); dir != "." {
		if err := root.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close())
}

// openLayout finds the image for this architecture in a directory.
func openLayout(name, dir string, end func() error) (*Image, error) {
	img, err := layoutImage(dir)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("image %s: %w", name, err), end())
	}
	return newImage(name, img, end)
}

func layoutImage(dir string) (v1.Image, error) {
	index, err := layout.ImageIndexFromPath(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("a directory without an OCI layout: %w", err)
	}
	if err != nil {
		return nil, err
	}
	return indexImage(index)
}

// indexImage finds the image for this architecture in an index, or in the indexes
// that it has.
func indexImage(index v1.ImageIndex) (v1.Image, error) {
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	fits := match.Platforms(platform)
	for _, d := range manifest.Manifests {
		switch {
		case d.MediaType.IsIndex():
			inner, err := index.ImageIndex(d.Digest)
			if err != nil {
				return nil, err
			}
			if img, err := indexImage(inner); err == nil {
				return img, nil
			}
		case d.MediaType.IsImage() && (d.Platform == nil || fits(d)):
			return index.Image(d.Digest)
		}
	}
	return nil, fmt.Errorf("it has no image for %s/%s", platform.OS, platform.Architecture)
}
