package debian

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// cache is the directory where packages and answers are kept:
//
//	debs/   the packages
//	index/  one JSON file for every request: what it resolved to
//	apt/    apt's private state for every suite and architecture
type cache struct{ dir string }

func (c cache) debs() string { return filepath.Join(c.dir, "debs") }

// file is one package file.
type file struct {
	Package, Version string
	Name             string // in debs
	Size             int64
	SHA256           string
}

// answer is what a request resolved to.
type answer struct {
	Suite, Arch string
	Packages    []string
	Asked       time.Time
	Files       []file
}

func (c cache) indexPath(req Request) string {
	h := sha256.New()
	for _, w := range slices.Concat([]string{req.Suite, req.Arch}, req.Packages) {
		fmt.Fprintln(h, w)
	}
	if req.Closure || req.Base != "" {
		fmt.Fprintln(h, req.Base, req.Closure)
	}
	return filepath.Join(c.dir, "index", hex.EncodeToString(h.Sum(nil)[:12])+".json")
}

// lookup returns the files of a remembered answer and its age, or nil if there
// is none or one of its files is not what it was.
func (c cache) lookup(req Request) ([]string, time.Duration) {
	text, err := os.ReadFile(c.indexPath(req))
	if err != nil {
		return nil, 0
	}
	var ans answer
	if json.Unmarshal(text, &ans) != nil || len(ans.Files) == 0 {
		return nil, 0
	}
	paths := make([]string, len(ans.Files))
	for i, f := range ans.Files {
		if filepath.Base(f.Name) != f.Name || c.verify(f) != nil {
			return nil, 0
		}
		paths[i] = filepath.Join(c.debs(), f.Name)
	}
	return paths, time.Since(ans.Asked)
}

func (c cache) remember(req Request, files []file) ([]string, error) {
	text, err := json.MarshalIndent(answer{req.Suite, req.Arch, req.Packages, time.Now(), files}, "", "\t")
	if err != nil {
		return nil, fmt.Errorf("debian: %w", err)
	}
	path := c.indexPath(req)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("debian: %w", err)
	}
	// Renamed into place, so that no reader sees half of it.
	if err := os.WriteFile(path+".new", append(text, '\n'), 0o644); err != nil {
		return nil, fmt.Errorf("debian: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return nil, fmt.Errorf("debian: %w", err)
	}
	paths := make([]string, len(files))
	for i, f := range files {
		paths[i] = filepath.Join(c.debs(), f.Name)
	}
	return paths, nil
}

// verify compares a package file with its hash.
func (c cache) verify(f file) error {
	r, err := os.Open(filepath.Join(c.debs(), f.Name))
	if err != nil {
		return fmt.Errorf("debian: %w", err)
	}
	defer r.Close()
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return fmt.Errorf("debian: %w", err)
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != f.SHA256 {
		return fmt.Errorf("debian: %s has SHA-256 %s, the signed package list says %s", f.Name, got, f.SHA256)
	}
	return nil
}
