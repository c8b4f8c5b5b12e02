package main

import (
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// archs are the architectures of package uapi, by Go's names.
var archs = []string{"amd64", "arm64", "loong64", "mips64le", "ppc64le", "riscv64", "s390x"}

// kinds are the kinds of descriptors, as in the names and types of uapi's ioctls.
var kinds = []string{"System", "VM", "VCPU", "Device"}

// headers are the facts of the kernel's headers, as package uapi has them. That
// the package is what the headers say is genuapi's to check.
type headers struct {
	version string
	ioctls  []*ioctl
	caps    []*constant
	exits   []*constant
	others  []*constant
	structs []*record
	// inside are the Go types that a Go type leads to: its members, and what the
	// methods of unions and buffers return.
	inside map[string]map[string]bool
	// buffers are those types that are named Buffer and stand here without that.
	buffers map[string]bool
}

// ioctl is an ioctl on one kind of descriptor.
type ioctl struct {
	c, kind, golang string // KVM_RUN, VCPU, IoctlVCPURun
	archs           []string
	numbers         map[string]uint64 // by architecture
	absent          []string          // architectures whose KVM refuses it: see absences
}

// constant is a name with a value; only others differ between architectures.
type constant struct {
	c, golang string
	archs     []string
	values    map[string]uint64 // by architecture
}

// record is a struct of C with a name of its own.
type record struct {
	c, golang string
	archs     []string
}

// loader collects over the architectures.
type loader struct {
	h     headers
	arch  string
	named map[string]any // by kind of thing and C name
}

// loadHeaders reads package uapi.
func loadHeaders(dir, version string) (*headers, error) {
	l := loader{h: headers{version: version, inside: map[string]map[string]bool{}, buffers: map[string]bool{}}, named: map[string]any{}}
	for _, arch := range archs {
		l.arch = arch
		files, err := parseFor(dir, "z*.go", arch)
		if err != nil {
			return nil, err
		}
		if len(files) == 0 {
			return nil, fmt.Errorf("%s: nothing generated for %s", dir, arch)
		}
		for _, f := range files {
			if err := l.file(f.ast); err != nil {
				return nil, fmt.Errorf("%s: %w", f.path, err)
			}
		}
	}
	l.h.sort()
	for _, i := range l.h.ioctls {
		i.absent = absences[i.c]
	}
	return &l.h, nil
}

// sourceFile is a parsed file.
type sourceFile struct {
	path string
	ast  *ast.File
}

// parseFor parses the files of a directory that an architecture's build has.
func parseFor(dir, pattern, arch string) ([]sourceFile, error) {
	paths, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		return nil, err
	}
	ctx := build.Default
	ctx.GOOS, ctx.GOARCH, ctx.CgoEnabled, ctx.BuildTags = "linux", arch, false, nil
	var files []sourceFile
	fset := token.NewFileSet()
	for _, path := range paths {
		match, err := ctx.MatchFile(dir, filepath.Base(path))
		if err != nil {
			return nil, err
		}
		if !match {
			continue
		}
		f, err := parser.ParseFile(fset, path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		files = append(files, sourceFile{path, f})
	}
	return files, nil
}

func (l *loader) file(f *ast.File) error {
	for _, d := range f.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Recv != nil && f.Type.Results != nil {
			receiver, _, _ := strings.Cut(functionName(f), ".")
			l.leads(receiver, f.Type.Results)
		}
		g, ok := d.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, s := range g.Specs {
			switch s := s.(type) {
			case *ast.ValueSpec:
				if err := l.value(g.Tok, s); err != nil {
					return err
				}
			case *ast.TypeSpec:
				l.typ(g.Doc.Text(), s)
			}
		}
	}
	return nil
}

// value takes a constant, whose comment is its name in C. The assertions about
// structs have the name "_".
func (l *loader) value(tok token.Token, s *ast.ValueSpec) error {
	if tok != token.CONST || s.Names[0].Name == "_" || s.Comment == nil || len(s.Values) != 1 {
		return nil
	}
	golang, c := s.Names[0].Name, strings.TrimSpace(s.Comment.Text())
	v, err := number(s.Values[0])
	if err != nil {
		return fmt.Errorf("%s: %w", golang, err)
	}
	typ := ""
	if id, ok := s.Type.(*ast.Ident); ok {
		typ = id.Name
	}
	switch typ {
	case "Cap":
		add(l, "cap "+c, &l.h.caps, func() *constant { return newConstant(c, golang) }).set(l.arch, v)
	case "ExitReason":
		add(l, "exit "+c, &l.h.exits, func() *constant { return newConstant(c, golang) }).set(l.arch, v)
	case "":
		add(l, "other "+c, &l.h.others, func() *constant { return newConstant(c, golang) }).set(l.arch, v)
	default:
		kind, ok := strings.CutSuffix(typ, "Ioctl")
		if !ok || !slices.Contains(kinds, kind) {
			return fmt.Errorf("%s has the type %s, which this program does not know", golang, typ)
		}
		i := add(l, "ioctl "+c+kind, &l.h.ioctls, func() *ioctl {
			return &ioctl{c: c, kind: kind, golang: golang, numbers: map[string]uint64{}}
		})
		i.archs = append(i.archs, l.arch)
		i.numbers[l.arch] = v
	}
	return nil
}

func newConstant(c, golang string) *constant {
	return &constant{c: c, golang: golang, values: map[string]uint64{}}
}

func (k *constant) set(arch string, v uint64) {
	k.archs = append(k.archs, arch)
	k.values[arch] = v
}

// add returns the thing of a name, a new one in the list if there is none.
func add[T any](l *loader, name string, list *[]*T, create func() *T) *T {
	if known, ok := l.named[name]; ok {
		return known.(*T)
	}
	t := create()
	l.named[name] = t
	*list = append(*list, t)
	return t
}

// number is the value of a literal.
func number(e ast.Expr) (uint64, error) {
	if minus, ok := e.(*ast.UnaryExpr); ok && minus.Op == token.SUB {
		v, err := number(minus.X)
		return -v, err
	}
	lit, ok := e.(*ast.BasicLit)
	if !ok {
		return 0, fmt.Errorf("not a number")
	}
	return strconv.ParseUint(lit.Value, 0, 64)
}

// namedStruct is the generator's word for a struct that has a name in C.
var namedStruct = regexp.MustCompile(`^(\w+) is (?:struct|union) (\w+)\.`)

// typ takes a struct.
func (l *loader) typ(doc string, s *ast.TypeSpec) {
	l.leads(s.Name.Name, s.Type)
	m := namedStruct.FindStringSubmatch(doc)
	if m == nil || m[1] != s.Name.Name {
		return
	}
	r := add(l, "struct "+m[2], &l.h.structs, func() *record {
		return &record{c: m[2], golang: m[1]}
	})
	r.archs = append(r.archs, l.arch)
}

// leads notes which types a type has in it. A buffer counts as its struct.
func (l *loader) leads(from string, to ast.Node) {
	if base, ok := strings.CutSuffix(from, "Buffer"); ok {
		from = base
		l.h.buffers[from] = true
	}
	ast.Inspect(to, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		if !ok || !ast.IsExported(id.Name) || id.Name == from {
			return true
		}
		if l.h.inside[from] == nil {
			l.h.inside[from] = map[string]bool{}
		}
		l.h.inside[from][id.Name] = true
		return true
	})
}

func (h *headers) sort() {
	slices.SortStableFunc(h.ioctls, func(a, b *ioctl) int {
		return slices.Index(kinds, a.kind) - slices.Index(kinds, b.kind)
	})
	slices.SortFunc(h.structs, func(a, b *record) int { return strings.Compare(a.c, b.c) })
}

// withPrefix are the constants whose names begin so, in the headers' order.
func (h *headers) withPrefix(prefix string) []*constant {
	var list []*constant
	for _, k := range h.others {
		if strings.HasPrefix(k.c, prefix) {
			list = append(list, k)
		}
	}
	return list
}

// devices are the types of devices.
func (h *headers) devices() []*constant {
	list := h.withPrefix("KVM_DEV_TYPE_")
	return slices.DeleteFunc(list, func(k *constant) bool { return k.c == "KVM_DEV_TYPE_MAX" })
}
