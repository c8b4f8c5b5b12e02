package main

import (
	"strings"
	"testing"
)

// noGCC are targets that Debian 12 has no cross compiler for.
var noGCC = map[string]bool{"loong64": true}

// gccFor returns gcc for a target, or skips the test.
func gccFor(t *testing.T, target target, h headers) *compiler {
	t.Helper()
	path, err := crossCompiler(target)
	switch {
	case err != nil && noGCC[target.goarch]:
		t.Skipf("%v (Debian 12 has none: clang alone speaks for %s here)", err, target.goarch)
	case err != nil:
		skip(t, err.Error())
	}
	return &compiler{clang: path, gcc: true, headers: h, target: target, dir: t.TempDir()}
}

// TestCrossCompilers has gcc compare every struct, constant and ioctl number with
// what clang said, which is what the package is generated from.
func TestCrossCompilers(t *testing.T) {
	clang, h, _ := pinned(t)
	for _, target := range targets {
		t.Run(target.goarch, func(t *testing.T) {
			gcc := gccFor(t, target, h)
			f, _, err := gatherOne(t.Context(), clang, h, target)
			if err != nil {
				t.Fatal(err)
			}
			if err := gcc.confirm(t.Context(), f); err != nil {
				t.Errorf("structs: %v", err)
			}
			if err := gcc.confirmNumbers(t.Context(), f); err != nil {
				t.Errorf("numbers: %v", err)
			}
			ioctls := 0
			for _, m := range f.macros {
				if m.ioctl != nil {
					ioctls++
				}
			}
			if len(f.records) < 50 || ioctls < 80 || len(f.enums) == 0 {
				t.Errorf("only %d structs, %d ioctls and %d enumerations were compared", len(f.records), ioctls, len(f.enums))
			}
			t.Logf("%d structs, %d constants, %d of them ioctls", len(f.records), len(f.macros), ioctls)
		})
	}
}

// TestCrossCompilerDisagrees spoils one fact after the other: gcc must see each.
func TestCrossCompilerDisagrees(t *testing.T) {
	clang, h, _ := pinned(t)
	target := targetOf(t, "s390x")
	gcc := gccFor(t, target, h)
	f, _, err := gatherOne(t.Context(), clang, h, target)
	if err != nil {
		t.Fatal(err)
	}
	for want, spoil := range map[string]func() (undo func()){
		"size of struct kvm_s390_irq": func() func() {
			r := recordOf(t, f, "kvm_s390_irq")
			r.bytes += 8
			return func() { r.bytes -= 8 }
		},
		"struct kvm_s390_mem_op.buf": func() func() {
			m := &recordOf(t, f, "kvm_s390_mem_op").members[4]
			m.offset += 4
			return func() { m.offset -= 4 }
		},
		"value of KVM_S390_MEM_OP": func() func() { return spoilMacro(t, f.macros, "KVM_S390_MEM_OP") },
		"value of KVM_PV_DUMP": func() func() {
			for _, e := range f.enums {
				for i := range e.members {
					if e.members[i].name == "KVM_PV_DUMP" {
						return spoilMacro(t, e.members, "KVM_PV_DUMP")
					}
				}
			}
			t.Fatal("no KVM_PV_DUMP")
			return nil
		},
	} {
		undo := spoil()
		structs, numbers := gcc.confirm(t.Context(), f), gcc.confirmNumbers(t.Context(), f)
		undo()
		said := ""
		for _, err := range []error{structs, numbers} {
			if err != nil {
				said += err.Error()
			}
		}
		if !strings.Contains(said, want) {
			t.Errorf("want a complaint of the %s, got %q", want, said)
		}
	}
	if err := gcc.confirm(t.Context(), f); err != nil {
		t.Errorf("after all was undone: %v", err)
	}
}

func recordOf(t *testing.T, f *facts, tag string) *record {
	t.Helper()
	for _, r := range f.records {
		if r.tag == tag {
			return r
		}
	}
	t.Fatalf("no struct %s", tag)
	return nil
}

func spoilMacro(t *testing.T, list []macro, name string) (undo func()) {
	t.Helper()
	for i := range list {
		if list[i].name == name {
			list[i].value.bits++
			return func() { list[i].value.bits-- }
		}
	}
	t.Fatalf("no macro %s", name)
	return nil
}
