package image

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Image is a container image for this host's architecture.
type Image struct {
	name   string
	image  v1.Image
	config Config
	digest v1.Hash
	layers int64 // compressed, in bytes
	close  func() error
}

// Config is what an image says of the command to run.
type Config struct {
	Env        []string
	Entrypoint []string
	Cmd        []string
	WorkingDir string
	User       string // a name or number, with :group or without
}

// platform is what a registry is asked for.
var platform = v1.Platform{OS: "linux", Architecture: runtime.GOARCH}

// Pull finds an image in a registry, by a reference as container tools take it:
// "alpine", "example.com/a/b:tag", "a@sha256:…". Credentials are those of docker
// login. The layers are fetched when the disk is made.
func Pull(ctx context.Context, reference string) (*Image, error) {
	ref, err := name.ParseReference(reference)
	if err != nil {
		return nil, fmt.Errorf("image %q: %w", reference, err)
	}
	img, err := remote.Image(ref, remote.WithContext(ctx), remote.WithPlatform(platform), remote.WithAuthFromKeychain(authn.DefaultKeychain))
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", ref, err)
	}
	return newImage(ref.String(), img, func() error { return nil })
}

// newImage looks at what an image says of itself.
func newImage(name string, img v1.Image, end func() error) (*Image, error) {
	i := &Image{name: name, image: img, close: end}
	if err := i.inspect(); err != nil {
		return nil, errors.Join(fmt.Errorf("image %s: %w", name, err), end())
	}
	return i, nil
}

func (i *Image) inspect() error {
	file, err := i.image.ConfigFile()
	if err != nil {
		return err
	}
	if file.OS != "" && file.OS != "linux" || file.Architecture != "" && file.Architecture != runtime.GOARCH {
		return fmt.Errorf("it is for %s/%s, and guests here are linux/%s", file.OS, file.Architecture, runtime.GOARCH)
	}
	c := file.Config
	i.config = Config{Env: c.Env, Entrypoint: c.Entrypoint, Cmd: c.Cmd, WorkingDir: c.WorkingDir, User: c.User}
	if i.digest, err = i.image.Digest(); err != nil {
		return err
	}
	layers, err := i.image.Layers()
	if err != nil {
		return err
	}
	for _, l := range layers {
		n, err := l.Size()
		if err != nil {
			return err
		}
		i.layers += n
	}
	return nil
}

// Name is how the image was asked for, in full.
func (i *Image) Name() string { return i.name }

// Digest identifies the image: "sha256:" and 64 hexadecimal digits.
func (i *Image) Digest() string { return i.digest.String() }

// Size is the number of bytes to fetch.
func (i *Image) Size() int64 { return i.layers }

// Config is what the image says of the command to run.
func (i *Image) Config() Config { return i.config }

// Close gives back what an archive took.
func (i *Image) Close() error { return i.close() }
