//go:build linux && amd64

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

const shareFile = 32 << 20

// shareWork uses the shared directory, with the guest's page cache as programs do.
func shareWork(each time.Duration, report map[string]float64) error {
	dir, err := os.MkdirTemp(guestShare, "work-")
	if err != nil {
		return err
	}
	path := filepath.Join(dir, "large")
	for _, part := range []struct {
		key string
		do  func() error
	}{
		{"share.write", func() error { return writeLarge(path) }},
		{"share.read", func() error { return errors.Join(dropCaches(), readLarge(path)) }},
		{"share.again", func() error { return readLarge(path) }},
	} {
		rate, err := repeat(each, func(int) error { return part.do() })
		if err != nil {
			return fmt.Errorf("%s: %w", part.key, err)
		}
		report[part.key] = rate * shareFile / (1 << 20)
	}
	if err := smallFiles(each, dir, report); err != nil {
		return err
	}
	return os.RemoveAll(dir)
}

func writeLarge(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	b := make([]byte, large)
	for range shareFile / large {
		if _, err := f.Write(b); err != nil {
			return errors.Join(err, f.Close())
		}
	}
	return errors.Join(f.Sync(), f.Close())
}

func readLarge(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{f}, make([]byte, large))
	if err == nil && n != shareFile {
		err = fmt.Errorf("%d bytes, want %d", n, shareFile)
	}
	return err
}

func dropCaches() error { return os.WriteFile("/proc/sys/vm/drop_caches", []byte("3"), 0) }

// smallFiles makes files and looks at them again.
func smallFiles(each time.Duration, dir string, report map[string]float64) error {
	name := func(i int) string { return filepath.Join(dir, fmt.Sprint("small", i)) }
	content, made := make([]byte, small), 0
	rate, err := repeat(each, func(i int) error {
		made++
		return os.WriteFile(name(i), content, 0o600)
	})
	if err != nil {
		return err
	}
	report["share.create"] = rate
	if err := dropCaches(); err != nil {
		return err
	}
	rate, err = repeat(each, func(i int) error {
		if i > 0 && i%made == 0 {
			if err := dropCaches(); err != nil {
				return err
			}
		}
		_, err := os.Lstat(name(i % made))
		return err
	})
	report["share.stat"] = rate
	return err
}
