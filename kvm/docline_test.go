package kvm

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"linuxkvm/uapi"
)

// docLine is the last line of every ioctl method's documentation.
var docLine = regexp.MustCompile(`^ioctl: (KVM_[A-Z0-9_]+)(, KVM_[A-Z0-9_]+)* \((system|vm|vcpu|device)\) · cap: (basic|KVM_CAP_[A-Z0-9_]+(, KVM_CAP_[A-Z0-9_]+)*) · arch: [a-z0-9, ]+ · since: Linux [0-9]+\.[0-9]+(\.[0-9]+)?(, x86: [0-9]+\.[0-9]+)? · doc: (none|virt/kvm/api\.rst "KVM_[A-Z0-9_]+"|virt/kvm/devices/[a-z]+\.rst|virt/kvm/x86/[a-z-]+\.rst "KVM_[A-Z0-9_]+")$`)

// Every exported function or method that names an ioctl itself says so in its
// documentation, in the one form, with capabilities that there are.
func TestDocumentationLines(t *testing.T) {
	if os.Getenv("KVM_TEST_LANE") != "" {
		t.Skip("needs the package's source, which the rig has not: run it in the source tree")
	}
	var caps []string
	for c := range uapi.Caps() {
		caps = append(caps, c.String())
	}
	files, err := filepath.Glob("*.go")
	must(t, err)
	fset := token.NewFileSet()
	lines := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(fset, name, nil, parser.ParseComments)
		must(t, err)
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || !f.Name.IsExported() || f.Recv == nil || !exportedReceiver(f) {
				continue
			}
			last := lastLine(f.Doc.Text())
			if !strings.HasPrefix(last, "ioctl: ") {
				if issues(f) {
					t.Errorf("%v: %s issues an ioctl and its documentation does not end with a line that says which", fset.Position(f.Pos()), f.Name)
				}
				continue
			}
			lines++
			if !docLine.MatchString(last) {
				t.Errorf("%v: %s: not in the one form: %s", fset.Position(f.Pos()), f.Name, last)
			}
			for _, c := range regexp.MustCompile(`KVM_CAP_[A-Z0-9_]+`).FindAllString(last, -1) {
				if !slices.Contains(caps, c) {
					t.Errorf("%v: %s: there is no %s", fset.Position(f.Pos()), f.Name, c)
				}
			}
		}
	}
	if lines < 60 {
		t.Errorf("only %d lines found", lines)
	}
}

func exportedReceiver(f *ast.FuncDecl) bool {
	receiver := f.Recv.List[0].Type
	if star, ok := receiver.(*ast.StarExpr); ok {
		receiver = star.X
	}
	id, ok := receiver.(*ast.Ident)
	return ok && id.IsExported()
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

// issues reports whether a function names an ioctl's number outside of an error.
func issues(f *ast.FuncDecl) bool {
	found := false
	ast.Inspect(f.Body, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			if id, ok := call.Fun.(*ast.Ident); ok && (id.Name == "invalid" || id.Name == "opError") {
				return false
			}
		}
		if sel, ok := n.(*ast.SelectorExpr); ok && strings.HasPrefix(sel.Sel.Name, "Ioctl") {
			found = true
		}
		return true
	})
	return found
}
