package kvm

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// attrLine is the last line of the documentation of a method that is an attribute.
var attrLine = regexp.MustCompile(`^attr: (KVM_|VGIC_)[A-Z0-9_]+(, (KVM_|VGIC_)[A-Z0-9_]+)* \((system|vm|vcpu|device)\) · since: Linux [0-9]+\.[0-9]+$`)

// Every exported method that reads or sets an attribute says which, by names that
// the headers have.
func TestAttributeDocumentationLines(t *testing.T) {
	if os.Getenv("KVM_TEST_LANE") != "" {
		t.Skip("needs the package's source, which the rig has not: run it in the source tree")
	}
	names := headerNames(t)
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
			if !ok || f.Recv == nil || !f.Name.IsExported() || !exportedReceiver(f) {
				continue
			}
			last := lastLine(f.Doc.Text())
			if !strings.HasPrefix(last, "attr: ") {
				if usesAttribute(f) {
					t.Errorf("%v: %s is an attribute and its documentation does not end with a line that says which", fset.Position(f.Pos()), f.Name)
				}
				continue
			}
			lines++
			if !attrLine.MatchString(last) {
				t.Errorf("%v: %s: not in the one form: %s", fset.Position(f.Pos()), f.Name, last)
			}
			for _, c := range regexp.MustCompile(`\b(KVM|VGIC)_[A-Z0-9_]+`).FindAllString(last, -1) {
				if !names[c] {
					t.Errorf("%v: %s: there is no %s", fset.Position(f.Pos()), f.Name, c)
				}
			}
		}
	}
	if lines < 150 {
		t.Errorf("only %d lines found", lines)
	}
}

// headerNames are the names in C of what package uapi has, on any architecture.
func headerNames(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("../uapi/zconst*.go")
	must(t, err)
	names := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		must(t, err)
		for _, m := range regexp.MustCompile(`(?m) // ([A-Z0-9_]+)$`).FindAllSubmatch(text, -1) {
			names[string(m[1])] = true
		}
	}
	return names
}

// usesAttribute reports whether a method is made of the helpers for attributes, or
// uses what a typed device keeps for them.
func usesAttribute(f *ast.FuncDecl) bool {
	found := false
	ast.Inspect(f.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			found = found || n.Sel.Name == "attrs"
		case *ast.Ident:
			found = found || n.Name == "getAttr" || n.Name == "setAttr" || n.Name == "setAttrFrom" || n.Name == "orderAttr"
		}
		return true
	})
	return found
}
