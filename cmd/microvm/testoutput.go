package main

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"linuxkvm/linux"
)

// output is a file, or a directory of files, that a test writes for the host.
type output struct {
	path string // absolute
	dir  bool
}

// hostDir is the directory that is written to.
func (o *output) hostDir() string {
	if o.dir {
		return o.path
	}
	return filepath.Dir(o.path)
}

// Flags of a test binary that name what it writes (see 'go help testflag' and package
// testing). Profiles are in the directory of -test.outputdir.
var (
	profileFlags = []string{"coverprofile", "cpuprofile", "memprofile", "blockprofile", "mutexprofile", "trace"}
	fileFlags    = []string{"testlogfile"}
	dirFlags     = []string{"gocoverdir", "fuzzcachedir"}
)

// findOutputs finds what a test that is started in dir with args will write.
func findOutputs(dir string, args []string, coverDir string) []output {
	flags := testFlags(args)
	absolute := func(base, path string) string {
		if filepath.IsAbs(path) {
			return resolved(path)
		}
		return resolved(filepath.Join(base, path))
	}
	profiles := absolute(dir, flags["outputdir"])
	var list []output
	add := func(base, path string, isDir bool) {
		if path != "" {
			list = append(list, output{absolute(base, path), isDir})
		}
	}
	for _, name := range profileFlags {
		add(profiles, flags[name], false)
	}
	for _, name := range fileFlags {
		add(dir, flags[name], false)
	}
	for _, name := range dirFlags {
		add(dir, flags[name], true)
	}
	add(dir, coverDir, true)
	if flags["fuzz"] != "" {
		add(dir, filepath.Join("testdata", "fuzz"), true) // inputs that fail
	}
	if value, ok := flags["artifacts"]; ok && value != "false" {
		add(profiles, "_artifacts", true)
	}
	return slices.Compact(list)
}

// resolved is a path without symbolic links, as far as it exists: what is written is not
// to be where a link leads that the test has made.
func resolved(path string) string {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		return target
	}
	if dir := filepath.Dir(path); dir != path {
		return filepath.Join(resolved(dir), filepath.Base(path))
	}
	return path
}

// testFlags are the flags of package testing among a test's arguments. A flag of the
// test's own that looks for its value in the next argument is of no interest, but where
// flags end does not depend on it: only what begins with -test. is looked at, up to --.
func testFlags(args []string) map[string]string {
	flags := map[string]string{}
	for i, arg := range args {
		if arg == "--" || arg == "-args" || arg == "--args" {
			break
		}
		name, ok := strings.CutPrefix(strings.TrimPrefix(arg, "-"), "-test.")
		if !ok {
			name, ok = strings.CutPrefix(arg, "-test.")
		}
		if !ok {
			continue
		}
		name, value, given := strings.Cut(name, "=")
		if !given && i+1 < len(args) && takesValue(name) {
			value = args[i+1]
		}
		flags[name] = value
	}
	return flags
}

// takesValue reports whether a flag of those that matter here is none of yes or no.
func takesValue(name string) bool { return name != "artifacts" }

// fetch copies what the test has written from the guest, which may be nothing.
func (o *output) fetch(ctx context.Context, vm *linux.VM) error {
	archive, err := vm.Pack(ctx, o.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer archive.Close()
	return o.unpack(tar.NewReader(archive))
}

// unpack writes regular files to where they are to be: what the guest says cannot make
// it anything else.
func (o *output) unpack(t *tar.Reader) error {
	if err := os.MkdirAll(o.hostDir(), 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(o.hostDir())
	if err != nil {
		return err
	}
	defer root.Close()
	for {
		h, err := t.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		name := filepath.Clean(h.Name)
		switch {
		case h.Typeflag != tar.TypeReg: // a link, for instance
			continue
		case !o.dir && name != filepath.Base(o.path):
			return &os.PathError{Op: "unpack", Path: h.Name, Err: fs.ErrInvalid}
		case unchanged(root, name, h):
			continue
		}
		if err := writeOutput(root, name, t); err != nil {
			return err
		}
	}
}

// unchanged reports whether a file is the host's own, which the guest sees too.
func unchanged(root *os.Root, name string, h *tar.Header) bool {
	info, err := root.Lstat(name)
	return err == nil && info.Mode().IsRegular() && info.Size() == h.Size && info.ModTime().Unix() == h.ModTime.Unix()
}

func writeOutput(root *os.Root, name string, r io.Reader) error {
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := root.Create(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close())
}
