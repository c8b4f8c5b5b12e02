package kmod

import (
	"bytes"
	"compress/gzip"
	"debug/elf"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// Tree is a directory of modules, as /lib/modules/RELEASE is.
type Tree struct {
	// Dir is the directory.
	Dir string
	// Read reads a file below Dir; nil is os.ReadFile.
	Read func(path string) ([]byte, error)
}

// Loadable is a module, uncompressed, that can be loaded once those before it are.
type Loadable struct {
	Module
	Data []byte
}

// Resolve returns the wanted modules with what they depend on, in the order in
// which to load them. What the kernel has built in is left out.
//
// Debian's packages hold no modules.dep: depmod makes it when a package is
// installed. So the dependencies are read where depmod reads them, in the
// modules themselves.
func (t *Tree) Resolve(wanted []Module) ([]Loadable, error) {
	r := resolver{dir: t.Dir, read: t.Read, files: map[string]string{}, builtin: map[string]bool{}, done: map[string]bool{}}
	if r.read == nil {
		r.read = os.ReadFile
	}
	if err := r.index(); err != nil {
		return nil, err
	}
	for _, m := range wanted {
		if err := r.visit(m); err != nil {
			return nil, err
		}
	}
	return r.order, nil
}

type resolver struct {
	dir     string
	read    func(string) ([]byte, error)
	files   map[string]string
	builtin map[string]bool
	done    map[string]bool
	order   []Loadable
}

// index finds the modules by name and the names of those built in.
func (r *resolver) index() error {
	err := filepath.WalkDir(r.dir, func(path string, d fs.DirEntry, err error) error {
		if name, ok := moduleName(path); err == nil && ok {
			r.files[name] = path
		}
		return err
	})
	if err != nil {
		return err
	}
	list, err := os.ReadFile(filepath.Join(r.dir, "modules.builtin"))
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(list)) {
		if name, ok := moduleName(strings.TrimSpace(line)); ok {
			r.builtin[name] = true
		}
	}
	return nil
}

// moduleName returns the name of the module in a file, as the kernel spells it.
func moduleName(path string) (string, bool) {
	name, rest, ok := strings.Cut(filepath.Base(path), ".ko")
	switch {
	case !ok, rest != "" && rest != ".xz" && rest != ".zst" && rest != ".gz":
		return "", false
	}
	return Canonical(name), true
}

// Canonical is a module's name as the kernel spells it: with underscores.
func Canonical(name string) string { return strings.ReplaceAll(name, "-", "_") }

func (r *resolver) visit(m Module) error {
	name := Canonical(m.Name)
	if r.done[name] || r.builtin[name] {
		return nil
	}
	r.done[name] = true
	path, ok := r.files[name]
	if !ok {
		if m.Optional {
			return nil
		}
		return fmt.Errorf("%s: no module %s", r.dir, m.Name)
	}
	packed, err := r.read(path)
	if err != nil {
		return err
	}
	data, err := uncompress(path, packed)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	needs, err := dependencies(data)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	for _, need := range needs {
		need.Optional = need.Optional || m.Optional
		if err := r.visit(need); err != nil {
			return err
		}
	}
	r.order = append(r.order, Loadable{Module: m, Data: data})
	return nil
}

// uncompress unpacks a module by the end of its file name.
func uncompress(path string, b []byte) ([]byte, error) {
	var r io.Reader
	var err error
	switch filepath.Ext(path) {
	case ".xz":
		r, err = xz.NewReader(bytes.NewReader(b))
	case ".zst":
		r, err = zstd.NewReader(bytes.NewReader(b), zstd.WithDecoderConcurrency(1))
	case ".gz":
		r, err = gzip.NewReader(bytes.NewReader(b))
	default:
		return b, nil
	}
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// dependencies reads what a module says it needs: "depends=a,b" and
// "softdep=pre: c d post: e", where c and d should be loaded if they exist.
func dependencies(module []byte) ([]Module, error) {
	f, err := elf.NewFile(bytes.NewReader(module))
	if err != nil {
		return nil, err
	}
	section := f.Section(".modinfo")
	if section == nil {
		return nil, fmt.Errorf("no section .modinfo")
	}
	info, err := section.Data()
	if err != nil {
		return nil, err
	}
	var needs []Module
	for field := range strings.SplitSeq(string(info), "\x00") {
		key, value, _ := strings.Cut(field, "=")
		switch key {
		case "depends":
			for name := range strings.SplitSeq(value, ",") {
				if name != "" {
					needs = append(needs, Module{Name: name})
				}
			}
		case "softdep":
			needs = append(needs, softDependencies(value)...)
		}
	}
	return needs, nil
}

func softDependencies(value string) []Module {
	var needs []Module
	pre := false
	for word := range strings.FieldsSeq(value) {
		switch {
		case word == "pre:":
			pre = true
		case strings.HasSuffix(word, ":"):
			pre = false
		case pre:
			needs = append(needs, Module{Name: word, Optional: true})
		}
	}
	return needs
}
