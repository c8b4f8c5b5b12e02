package rig

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"linuxkvm/internal/kmod"
)

// Kernel is a lane's kernel in the cache.
type Kernel struct {
	// Release is the kernel's name of itself, as in uname -r.
	Release string
	// Image is the path of the bootable image.
	Image string
	// Modules is the path of the directory that is /lib/modules/Release on an
	// installed system. The modules may be compressed.
	Modules string

	dir  string
	sums map[string]string
}

// Version returns the first two numbers of the release: "6.1".
func (k *Kernel) Version() string {
	parts := strings.SplitN(k.Release, ".", 3)
	if len(parts) < 2 {
		return k.Release
	}
	return parts[0] + "." + parts[1]
}

// errDamaged says that a file in the cache is not what was recorded.
var errDamaged = errors.New("does not match the recorded SHA-256")

// read returns the content of a file below the kernel's directory, checked.
func (k *Kernel) read(path string) ([]byte, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(b)
	return b, k.check(path, sum[:])
}

// verify checks a file below the kernel's directory.
func (k *Kernel) verify(path string) error {
	sum, err := hashFile(path)
	if err != nil {
		return err
	}
	return k.check(path, sum)
}

func (k *Kernel) check(path string, sum []byte) error {
	rel, err := filepath.Rel(k.dir, path)
	if err != nil {
		return err
	}
	if want := k.sums[rel]; want == "" || want != hex.EncodeToString(sum) {
		return fmt.Errorf("%s %w", path, errDamaged)
	}
	return nil
}

// resolve returns modules and what they need, each checked when it is read.
func (k *Kernel) resolve(wanted []Module) ([]kmod.Loadable, error) {
	tree := kmod.Tree{Dir: k.Modules, Read: k.read}
	mods, err := tree.Resolve(wanted)
	if err != nil {
		return nil, fmt.Errorf("kernel %s: %w", k.Release, err)
	}
	return mods, nil
}

// VerifyAll checks every file that was recorded.
func (k *Kernel) VerifyAll(ctx context.Context) error {
	for rel := range k.sums {
		if err := errors.Join(ctx.Err(), k.verify(filepath.Join(k.dir, rel))); err != nil {
			return err
		}
	}
	return nil
}

func hashFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return nil, err
	}
	return h.Sum(nil), nil
}
