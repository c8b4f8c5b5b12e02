package rig

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	manifestName = "manifest.json"
	imageName    = "vmlinuz"
	modulesName  = "modules"
)

// manifest records what a directory in the cache holds.
type manifest struct {
	// Release is the kernel's uname -r, or the version of an emulator.
	Release string
	// Packages are the file names of the packages that it came from.
	Packages []string
	// Files maps paths in the directory to SHA-256 sums in hex.
	Files map[string]string
}

// openKernel returns the kernel in dir after checking its image. fs.ErrNotExist
// says that there is none.
func openKernel(dir string) (*Kernel, error) {
	m, err := readManifest(dir)
	if err != nil {
		return nil, err
	}
	k := &Kernel{
		Release: m.Release, Image: filepath.Join(dir, imageName),
		Modules: filepath.Join(dir, modulesName, m.Release), dir: dir, sums: m.Files,
	}
	return k, k.verify(k.Image)
}

func readManifest(dir string) (*manifest, error) {
	b, err := os.ReadFile(filepath.Join(dir, manifestName))
	if err != nil {
		return nil, err
	}
	m := new(manifest)
	if err := json.Unmarshal(b, m); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, manifestName), err)
	}
	return m, nil
}

// verify checks every file that was recorded.
func (m *manifest) verify(dir string) error {
	for rel, want := range m.Files {
		path := filepath.Join(dir, rel)
		sum, err := hashFile(path)
		if err != nil {
			return err
		}
		if hex.EncodeToString(sum) != want {
			return fmt.Errorf("%s %w", path, errDamaged)
		}
	}
	return nil
}

// writeManifest hashes every file in dir and records the sums.
func writeManifest(dir, release string, packages []string) error {
	m := manifest{Release: release, Files: map[string]string{}}
	for _, p := range packages {
		m.Packages = append(m.Packages, filepath.Base(p))
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		sum, err := hashFile(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		m.Files[rel] = hex.EncodeToString(sum)
		return nil
	})
	if err != nil {
		return err
	}
	b, err := json.MarshalIndent(m, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, manifestName), append(b, '\n'), 0o644)
}
