package rig

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// library matches the path of a library in what a loader lists.
var library = regexp.MustCompile(`(/\S+) \(0x`)

// Files returns the emulator as files for a guest, below root there: the
// program, the libraries it is linked with, and the firmware asked for by name.
// Command with the same root runs it there.
func (e *Emulator) Files(ctx context.Context, root string, firmwareNames ...string) ([]File, error) {
	list := exec.CommandContext(ctx, filepath.Join(e.Root, e.loader),
		"--library-path", filepath.Join(e.Root, e.libraries), "--list", filepath.Join(e.Root, e.program))
	out, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("rig: the libraries of %s: %w", e.program, err)
	}
	paths := []string{filepath.Join(e.Root, e.program), filepath.Join(e.Root, e.loader)}
	for _, m := range library.FindAllStringSubmatch(string(out), -1) {
		paths = append(paths, m[1])
	}
	for _, name := range firmwareNames {
		path, err := e.findFirmware(name)
		if err != nil {
			return nil, err
		}
		paths = append(paths, path)
	}
	return e.files(root, paths)
}

func (e *Emulator) findFirmware(name string) (string, error) {
	for _, dir := range firmware {
		path := filepath.Join(e.Root, dir, name)
		if _, err := filepath.EvalSymlinks(path); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("rig: QEMU %s has no firmware %s", e.Version, name)
}

// files puts paths of this machine below another root, with the content that
// links lead to.
func (e *Emulator) files(root string, paths []string) ([]File, error) {
	slices.Sort(paths) // the loader is one of the libraries, too
	var files []File
	for _, path := range slices.Compact(paths) {
		rel, err := filepath.Rel(e.Root, path)
		if err != nil || strings.HasPrefix(rel, "..") {
			return nil, fmt.Errorf("rig: %s is not in %s", path, e.Root)
		}
		target, err := filepath.EvalSymlinks(path)
		if err != nil {
			return nil, err
		}
		files = append(files, File{Guest: filepath.Join(root, rel), Host: target})
	}
	return files, nil
}
