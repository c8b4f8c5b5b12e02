package kvm

import (
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
)

// requestRow is a request number and the size of what the package passes with
// it: a struct, or nothing or a number.
type requestRow struct {
	number uintptr
	size   uintptr
}

func number[R request](req R) requestRow { return requestRow{uintptr(req), 0} }

func structOf[T any, R request](req R) requestRow {
	return requestRow{uintptr(req), reflect.TypeFor[T]().Size()}
}

// unsized passes a struct with a request whose number does not tell its size.
func unsized[T any, R request](req R) requestRow {
	return number(req)
}

// checkRequestSizes looks for what is not as large as its number says.
func checkRequestSizes(t *testing.T, requests map[string]requestRow) {
	t.Helper()
	const sizeShift = 16
	sizeMask := uintptr(1<<14 - 1)
	if runtime.GOARCH == "ppc64le" || runtime.GOARCH == "mips64le" {
		sizeMask = 1<<13 - 1 // one bit more for the direction
	}
	for name, row := range requests {
		if size := row.number >> sizeShift & sizeMask; size != row.size {
			t.Errorf("%s: the number says %d bytes, the struct has %d", name, size, row.size)
		}
	}
}

// checkRequestTable looks for requests that those files use which are built here,
// and that are not in the table.
func checkRequestTable(t *testing.T, requests map[string]requestRow, pattern string) {
	t.Helper()
	if os.Getenv("KVM_TEST_LANE") != "" {
		t.Skip("needs the package's source, which the rig has not: run it in the source tree")
	}
	files, err := filepath.Glob(pattern)
	must(t, err)
	fset := token.NewFileSet()
	looked := 0
	for _, name := range files {
		if built, err := build.Default.MatchFile(".", name); err != nil || !built || strings.HasSuffix(name, "_test.go") {
			continue
		}
		looked++
		file, err := parser.ParseFile(fset, name, nil, 0)
		must(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok || !strings.HasPrefix(sel.Sel.Name, "Ioctl") {
				return true
			}
			pkg, ok := sel.X.(*ast.Ident)
			if _, listed := requests[sel.Sel.Name]; ok && pkg.Name == "uapi" && !listed {
				t.Errorf("%v: uapi.%s is not in the table of sizes", fset.Position(sel.Pos()), sel.Sel.Name)
			}
			return true
		})
	}
	if looked == 0 {
		t.Errorf("no file %s", pattern)
	}
}
