package main

import (
	"debug/elf"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// skip skips a test for want of something, or fails it where nothing may be
// skipped.
func skip(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("KVM_TEST_REQUIRE") == "1" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// pinned returns a compiler and the headers that the package is generated from.
func pinned(t *testing.T) (string, headers, options) {
	t.Helper()
	clang, err := findClang()
	if err != nil {
		skip(t, err.Error())
	}
	var o options
	if err := o.complete(); err != nil {
		t.Fatal(err)
	}
	h, err := o.headers(t.Context(), io.Discard)
	var moved *movedError
	switch {
	case errors.As(err, &moved):
		skip(t, err.Error())
	case err != nil:
		skip(t, "cannot get "+headersPackage+": "+err.Error())
	}
	return clang, h, o
}

// TestRegenerate demands that the package is what the generator makes of the
// pinned headers.
func TestRegenerate(t *testing.T) {
	clang, h, o := pinned(t)
	files, err := generate(t.Context(), clang, h, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	files[pinFile] = []byte(h.version + "\n")
	if err := compare(o.dir, files); err != nil {
		t.Error(err)
	}
}

// TestCompare changes, removes and adds a file: the check must see each.
func TestCompare(t *testing.T) {
	dir := t.TempDir()
	files := map[string][]byte{"za.go": []byte("a\nb\n"), "zb.go": []byte("b\n"), pinFile: []byte("1\n")}
	if err := write(dir, files); err != nil {
		t.Fatal(err)
	}
	if err := compare(dir, files); err != nil {
		t.Fatalf("what was just written: %v", err)
	}
	for name, spoil := range map[string]func() error{
		"za.go differs in line 2":      func() error { return os.WriteFile(filepath.Join(dir, "za.go"), []byte("a\nc\n"), 0o644) },
		"zb.go is missing":             func() error { return os.Remove(filepath.Join(dir, "zb.go")) },
		"zc.go is not generated":       func() error { return os.WriteFile(filepath.Join(dir, "zc.go"), nil, 0o644) },
		"headers.version differs in l": func() error { return os.WriteFile(filepath.Join(dir, pinFile), []byte("2\n"), 0o644) },
	} {
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		if err := compare(dir, files); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("want %q, got %v", name, err)
		}
	}
	if err := write(dir, files); err != nil {
		t.Fatal(err)
	}
	if err := compare(dir, files); err != nil {
		t.Errorf("after writing again: %v", err)
	}
}

// TestBitFieldsAgainstCompiler has the compiler set a bit field and looks where
// it ends up, on a little- and a big-endian architecture.
func TestBitFieldsAgainstCompiler(t *testing.T) {
	clang, h, _ := pinned(t)
	for _, c := range []struct {
		goarch, value, typ, method string
		base                       int // of the Go type in the C value
	}{
		{"amd64", "struct kvm_ioapic_state v = {.redirtbl[0].fields.delivery_mode = ~0}", "IOAPICStateRedirtblFields", "DeliveryMode", 24},
		{"amd64", "struct kvm_ioapic_state v = {.redirtbl[0].fields.trig_mode = ~0}", "IOAPICStateRedirtblFields", "TrigMode", 24},
		{"amd64", "struct kvm_ioapic_state v = {.redirtbl[0].fields.mask = ~0}", "IOAPICStateRedirtblFields", "Mask", 24},
		{"s390x", "struct kvm_sync_regs v = {.bpbc = ~0}", "SyncRegs", "BPBC", 0},
		{"s390x", "struct kvm_s390_vm_cpu_uv_feat v = {.ap = ~0}", "S390VMCPUUVFeat", "AP", 0},
		{"s390x", "struct kvm_s390_vm_cpu_uv_feat v = {.ap_intr = ~0}", "S390VMCPUUVFeat", "APIntr", 0},
	} {
		t.Run(c.goarch+" "+c.method, func(t *testing.T) {
			comp := &compiler{clang: clang, headers: h, target: targetOf(t, c.goarch), dir: t.TempDir()}
			data, object := compileValue(t, comp, c.value)
			f, err := comp.types(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			types, err := layOut(f)
			if err != nil {
				t.Fatal(err)
			}
			typ, bits := findBits(t, types, c.typ, c.method)
			want := make([]byte, len(data))
			at := want[c.base+offsetOf(typ, bits):]
			mask := (uint64(1)<<bits.bits - 1) << bits.shift
			if bits.typ == "uint64" {
				object.PutUint64(at, mask)
			} else {
				at[0] = byte(mask)
			}
			if string(data) != string(want) {
				t.Errorf("the compiler sets % x, the method % x", data, want)
			}
			if path, err := crossCompiler(comp.target); err == nil {
				comp.clang, comp.gcc = path, true
				if data, _ := compileValue(t, comp, c.value); string(data) != string(want) {
					t.Errorf("gcc sets % x, the method % x", data, want)
				}
			}
		})
	}
}

func targetOf(t *testing.T, goarch string) target {
	for _, target := range targets {
		if target.goarch == goarch {
			return target
		}
	}
	t.Fatalf("no target %s", goarch)
	return target{}
}

// compileValue returns the bytes of a variable that C initializes.
func compileValue(t *testing.T, c *compiler, value string) ([]byte, interface{ PutUint64([]byte, uint64) }) {
	path, err := c.object(t.Context(), prelude+"__attribute__((section(\".value\"))) "+value+";\n")
	if err != nil {
		t.Fatal(err)
	}
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	data, err := f.Section(".value").Data()
	if err != nil {
		t.Fatal(err)
	}
	return data, f.ByteOrder
}

func findBits(t *testing.T, types []*goType, typ, method string) (*goType, goBits) {
	for _, g := range types {
		for _, b := range g.bits {
			if g.name == typ && b.name == method {
				return g, b
			}
		}
	}
	t.Fatalf("%s has no bit field %s", typ, method)
	return nil, goBits{}
}

// offsetOf is where the storage of a bit field starts in its type.
func offsetOf(g *goType, b goBits) int {
	name, index, _ := strings.Cut(b.storage, "[")
	for _, f := range g.fields {
		if f.name == name {
			offset := f.offset
			if index != "" {
				offset += int(index[0] - '0')
			}
			return offset
		}
	}
	return -1
}
