package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// pinFile holds the version of the headers that the package is generated from.
const pinFile = "headers.version"

// complete fills in the defaults.
func (o *options) complete() error {
	if o.dir == "" {
		root, err := moduleRoot()
		if err != nil {
			return err
		}
		o.dir = filepath.Join(root, "uapi")
	}
	if o.cache == "" {
		o.cache = os.Getenv("LINUXKVM_CACHE")
	}
	if o.cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			return fmt.Errorf("%w: name a directory with -cache", err)
		}
		o.cache = filepath.Join(dir, "linuxkvm")
	}
	return nil
}

// moduleRoot is the directory of go.mod, from the working directory upwards.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("no go.mod here or above: run it inside the module, or use -dir")
		}
		dir = parent
	}
}

// headers brings the headers that the options ask for.
func (o *options) headers(ctx context.Context, progress io.Writer) (headers, error) {
	if o.deb != "" {
		return unpackHeaders(o.deb, o.cache)
	}
	if o.update {
		return fetchHeaders(ctx, "", o.cache, progress)
	}
	pin, err := os.ReadFile(filepath.Join(o.dir, pinFile))
	if err != nil {
		return headers{}, fmt.Errorf("%w: generate for the first time with -update", err)
	}
	return fetchHeaders(ctx, strings.TrimSpace(string(pin)), o.cache, progress)
}

// generated lists the generated files of a directory.
func generated(dir string) ([]string, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "z*.go"))
	for i, p := range paths {
		paths[i] = filepath.Base(p)
	}
	return paths, err
}

// compare fails if the directory does not hold exactly these files.
func compare(dir string, files map[string][]byte) error {
	present, err := generated(dir)
	if err != nil {
		return err
	}
	var differ []string
	for name, text := range files {
		have, err := os.ReadFile(filepath.Join(dir, name))
		switch {
		case errors.Is(err, os.ErrNotExist):
			differ = append(differ, name+" is missing")
		case err != nil:
			return err
		case !bytes.Equal(have, text):
			differ = append(differ, name+" differs "+firstDifference(have, text))
		}
	}
	for _, name := range present {
		if _, ok := files[name]; !ok {
			differ = append(differ, name+" is not generated any more")
		}
	}
	if len(differ) == 0 {
		return nil
	}
	slices.Sort(differ)
	return fmt.Errorf("%s is not what the generator makes; run it without -check:\n\t%s", dir, strings.Join(differ, "\n\t"))
}

func firstDifference(have, want []byte) string {
	h, w := strings.Split(string(have), "\n"), strings.Split(string(want), "\n")
	for i := 0; i < min(len(h), len(w)); i++ {
		if h[i] != w[i] {
			return fmt.Sprintf("in line %d: %q, should be %q", i+1, h[i], w[i])
		}
	}
	return fmt.Sprintf("in length: %d lines, should be %d", len(h), len(w))
}

// write makes the directory hold these files and no other generated ones.
func write(dir string, files map[string][]byte) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	present, err := generated(dir)
	if err != nil {
		return err
	}
	for _, name := range present {
		if _, ok := files[name]; !ok {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				return err
			}
		}
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}
