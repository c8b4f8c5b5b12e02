//go:build linux

package uapi

import (
	"go/ast"
	"go/build"
	"go/constant"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"strings"
	"testing"
)

var archs = []string{"amd64", "arm64", "loong64", "mips64le", "ppc64le", "riscv64", "s390x"}

// load type-checks the package as it is for one architecture, with the
// assertions about sizes and offsets. change may alter a file first.
func load(t *testing.T, goarch string, change func(name, text string) string) (*types.Package, error) {
	t.Helper()
	ctx := build.Default
	ctx.GOOS, ctx.GOARCH, ctx.CgoEnabled = "linux", goarch, false
	p, err := ctx.ImportDir(".", 0)
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	var files []*ast.File
	for _, name := range p.GoFiles {
		f, err := parser.ParseFile(fset, name, change(name, read(t, name)), parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	config := types.Config{Importer: importer.ForCompiler(fset, "source", nil), Sizes: types.SizesFor("gc", goarch)}
	return config.Check("linuxkvm/uapi", fset, files, nil)
}

func unchanged(_, text string) string { return text }

// TestEveryArchitecture compiles the assertions of all architectures on this
// one, and looks at numbers that are known to differ.
func TestEveryArchitecture(t *testing.T) {
	known := map[string]map[string]uint64{
		"amd64":    {"IoctlVCPURun": 0xae80, "IoctlVCPUGetRegs": 0x8090ae81, "IoctlVMGetClock": 0x8030ae7c},
		"arm64":    {"IoctlVCPURun": 0xae80, "IoctlVCPUArmVCPUInit": 0x4020aeae, "IoctlVCPUGetOneReg": 0x4010aeab, "RegArm64": 0x6000000000000000},
		"loong64":  {"IoctlVCPURun": 0xae80},
		"mips64le": {"IoctlVCPURun": 0x2000ae80, "IoctlVCPUGetRegs": 0x4118ae81, "IoctlVCPUSetOneReg": 0x8010aeac},
		"ppc64le":  {"IoctlVCPURun": 0x2000ae80, "IoctlVCPUGetRegs": 0x4188ae81, "IoctlVCPUSetOneReg": 0x8010aeac},
		"riscv64":  {"IoctlVCPURun": 0xae80, "RegRISCV": 0x8000000000000000},
		"s390x":    {"IoctlVCPURun": 0xae80, "IoctlVCPUGetRegs": 0x8080ae81, "S390IntIOMax": 0xfffdffff},
	}
	absent := map[string][]string{
		"amd64": {"IoctlVCPUArmVCPUInit", "S390ResetPOR"},
		"arm64": {"IoctlVMCreatePIT2", "IoctlVCPUGetMSRs", "Segment"},
		"s390x": {"IoctlVCPUSMI", "CPUID2"},
	}
	for _, arch := range archs {
		t.Run(arch, func(t *testing.T) {
			p, err := load(t, arch, unchanged)
			if err != nil {
				t.Fatal(err)
			}
			for name, want := range known[arch] {
				c, ok := p.Scope().Lookup(name).(*types.Const)
				if !ok {
					t.Errorf("%s is missing", name)
				} else if got, _ := constant.Uint64Val(c.Val()); got != want {
					t.Errorf("%s is %#x, want %#x", name, got, want)
				}
			}
			for _, name := range absent[arch] {
				if p.Scope().Lookup(name) != nil {
					t.Errorf("%s exists", name)
				}
			}
			for _, name := range []string{"CapXSAVE", "CapS390Protected", "ExitTDX", "Run", "Regs"} {
				if p.Scope().Lookup(name) == nil {
					t.Errorf("%s is missing", name)
				}
			}
		})
	}
}

// TestAssertionsBite breaks structs in ways that a compiler of C would not make
// them: each must fail to compile.
func TestAssertionsBite(t *testing.T) {
	for name, c := range map[string]struct{ arch, file, old, new string }{
		"a field too small":    {"amd64", "zstruct_linux_amd64.go", "LastOpcode uint16", "LastOpcode uint8"},
		"two fields swapped":   {"s390x", "zstruct.go", "Ndata    uint32\n\tData     [16]uint64", "Data     [16]uint64\n\tNdata    uint32"},
		"padding lost":         {"arm64", "zstruct_linux_arm64.go", "_      [8]byte\n", ""},
		"a union too short":    {"ppc64le", "zstruct_linux_ppc64le.go", "Union ", "Union [1]uint64\n_ "},
		"a larger view":        {"riscv64", "zstruct.go", "type RunEOI struct {", "type RunEOI struct {\nx [64]uint64\n"},
		"an alignment too low": {"amd64", "zstruct_linux_amd64.go", "_     [0]uint64 // aligned as its array\n\tNMSRs", "NMSRs"},
	} {
		t.Run(name, func(t *testing.T) {
			hit := false
			_, err := load(t, c.arch, func(file, text string) string {
				if file == c.file && strings.Contains(text, c.old) {
					hit = true
					return strings.Replace(text, c.old, c.new, 1)
				}
				return text
			})
			if !hit {
				t.Fatalf("%s does not contain %q", c.file, c.old)
			}
			if err == nil {
				t.Error("it compiles")
			} else if !strings.Contains(err.Error(), "overflows") {
				t.Errorf("it fails for another reason: %v", err)
			}
		})
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
