package main

import (
	"go/ast"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// code is what package kvm has.
type code struct {
	methods []*method
	// uses are the functions that name something of package uapi, by that name,
	// and the architectures they exist on.
	uses map[string]map[string][]string
	// accessors are the methods of Exit, by name in capitals.
	accessors map[string]string
}

// method is an exported method whose documentation names ioctls.
type method struct {
	name   string // "VM.DirtyLog"
	archs  []string
	ioctls []string // in C
	kinds  []string // as in the documentation: system, vm, vcpu, device
	caps   []string // in C
}

// loadCode reads package kvm for every architecture.
func loadCode(dir string) (*code, error) {
	c := &code{uses: map[string]map[string][]string{}, accessors: map[string]string{}}
	known := map[string]*method{}
	for _, arch := range archs {
		files, err := parseFor(dir, "*.go", arch)
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			if strings.HasSuffix(f.path, "_test.go") {
				continue
			}
			for _, d := range f.ast.Decls {
				c.declaration(d, arch, known)
			}
		}
	}
	slices.SortFunc(c.methods, func(a, b *method) int { return strings.Compare(a.name, b.name) })
	return c, nil
}

func (c *code) declaration(d ast.Decl, arch string, known map[string]*method) {
	if g, ok := d.(*ast.GenDecl); ok {
		for _, s := range g.Specs {
			name := ""
			if t, ok := s.(*ast.TypeSpec); ok {
				name = t.Name.Name
			}
			for used := range uapiNames(s, nil) {
				c.use(used, name, arch)
			}
		}
		return
	}
	f, ok := d.(*ast.FuncDecl)
	if !ok {
		return
	}
	name := functionName(f)
	for used := range uapiNames(f, isError) {
		c.use(used, name, arch)
	}
	if receiver, method, ok := strings.Cut(name, "."); ok && receiver == "Exit" {
		c.accessors[strings.ToUpper(method)] = name
	}
	m, ok := known[name]
	if !ok {
		if m = documented(f, name); m == nil {
			return
		}
		known[name] = m
		c.methods = append(c.methods, m)
	}
	m.archs = append(m.archs, arch)
}

func (c *code) use(name, function, arch string) {
	if c.uses[name] == nil {
		c.uses[name] = map[string][]string{}
	}
	c.uses[name][function] = append(c.uses[name][function], arch)
}

// docLine is the last line of an ioctl method's documentation. Its exact form is
// a test's of package kvm to demand.
var docLine = regexp.MustCompile(`^ioctl: (KVM_[^·]*) \(([a-z, ]+)\) · cap: ([^·]*) ·`)

var cNames = regexp.MustCompile(`KVM_[A-Z0-9_]+`)

// documented is the method if its documentation names ioctls.
func documented(f *ast.FuncDecl, name string) *method {
	if f.Recv == nil || !f.Name.IsExported() || !ast.IsExported(name) {
		return nil
	}
	lines := strings.Split(strings.TrimSpace(f.Doc.Text()), "\n")
	m := docLine.FindStringSubmatch(lines[len(lines)-1])
	if m == nil {
		return nil
	}
	return &method{
		name: name, ioctls: cNames.FindAllString(m[1], -1),
		kinds: strings.Split(m[2], ", "), caps: cNames.FindAllString(m[3], -1),
	}
}

// functionName is "Open", or "VM.DirtyLog" for a method.
func functionName(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return f.Name.Name
	}
	t := f.Recv.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	if generic, ok := t.(*ast.IndexExpr); ok {
		t = generic.X
	}
	if id, ok := t.(*ast.Ident); ok {
		return id.Name + "." + f.Name.Name
	}
	return f.Name.Name
}

// uapiNames are the names of package uapi in a piece of source, where skip does
// not say to look away. A name is the constant's, the type's, or the type's for
// its Buffer and the function that makes one.
func uapiNames(n ast.Node, skip func(ast.Node) bool) map[string]bool {
	names := map[string]bool{}
	ast.Inspect(n, func(n ast.Node) bool {
		if n != nil && skip != nil && skip(n) {
			return false
		}
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if pkg, ok := sel.X.(*ast.Ident); ok && pkg.Name == "uapi" {
			name := sel.Sel.Name
			names[name] = true
			if base, ok := strings.CutSuffix(name, "Buffer"); ok {
				names[strings.TrimPrefix(base, "New")] = true
			}
		}
		return true
	})
	return names
}

// isError tells a call that only makes an error: naming a request there is not
// issuing it.
func isError(n ast.Node) bool {
	call, ok := n.(*ast.CallExpr)
	if !ok {
		return false
	}
	id, ok := call.Fun.(*ast.Ident)
	return ok && (id.Name == "invalid" || id.Name == "opError")
}

// methodsFor are the methods for an ioctl that an architecture has.
func (c *code) methodsFor(i *ioctl, arch string) []string {
	var names []string
	for _, m := range c.methods {
		if slices.Contains(m.ioctls, i.c) && slices.Contains(m.kinds, strings.ToLower(i.kind)) && slices.Contains(m.archs, arch) {
			names = append(names, m.name)
		}
	}
	return names
}

// issued reports whether any function of an architecture passes the request.
func (c *code) issued(i *ioctl, arch string) bool {
	for _, on := range c.uses[i.golang] {
		if slices.Contains(on, arch) {
			return true
		}
	}
	return false
}

// users are the exported functions and types that name something of uapi, or the
// others if only those do.
func (c *code) users(golang string) []string {
	var exported, rest []string
	for name := range c.uses[golang] {
		switch receiver, _, ok := strings.Cut(name, "."); {
		case name == "":
		case ast.IsExported(name) && (!ok || ast.IsExported(name[len(receiver)+1:])):
			exported = append(exported, name)
		default:
			rest = append(rest, name)
		}
	}
	if len(exported) == 0 {
		exported = rest
	}
	slices.Sort(exported)
	return exported
}

// tests are the tests of the module.
type tests struct {
	names map[string]bool // "kvm.TestX"
	// mentions are the tests that name something, by "uapi.X" or ".Method".
	mentions map[string][]string
}

// loadTests reads the tests of all packages, for whatever architecture.
func loadTests(root string, dirs []string) (*tests, error) {
	t := &tests{names: map[string]bool{}, mentions: map[string][]string{}}
	for _, dir := range dirs {
		seen := map[string]bool{}
		for _, arch := range archs {
			files, err := parseFor(filepath.Join(root, dir), "*_test.go", arch)
			if err != nil {
				return nil, err
			}
			for _, f := range files {
				if !seen[f.path] {
					seen[f.path] = true
					t.file(dir, f.ast)
				}
			}
		}
	}
	for _, list := range t.mentions {
		slices.Sort(list)
	}
	return t, nil
}

// file takes the tests of a file. What a variable outside of functions names is
// counted to the tests that name the variable.
func (t *tests) file(pkg string, f *ast.File) {
	tables := map[string]map[string]bool{}
	for _, d := range f.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, s := range g.Specs {
			if v, ok := s.(*ast.ValueSpec); ok {
				for _, name := range v.Names {
					tables[name.Name] = mentions(v)
				}
			}
		}
	}
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Recv != nil || !isTest(fn.Name.Name) {
			continue
		}
		name := pkg + "." + fn.Name.Name
		t.names[name] = true
		found := mentions(fn)
		for table := range tables {
			if found[table] {
				maps.Copy(found, tables[table])
			}
		}
		for what := range found {
			t.mentions[what] = append(t.mentions[what], name)
		}
	}
}

func isTest(name string) bool {
	for _, prefix := range []string{"Test", "Example", "Fuzz", "Benchmark"} {
		if strings.HasPrefix(name, prefix) && name != "TestMain" {
			return true
		}
	}
	return false
}

// mentions are the names in a piece of source: x, .Selector and uapi.X.
func mentions(n ast.Node) map[string]bool {
	found := map[string]bool{}
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Ident:
			found[n.Name] = true
		case *ast.SelectorExpr:
			found["."+n.Sel.Name] = true
			if pkg, ok := n.X.(*ast.Ident); ok && pkg.Name == "uapi" {
				found["uapi."+n.Sel.Name] = true
			}
		}
		return true
	})
	return found
}
