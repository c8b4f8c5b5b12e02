package main

import (
	"fmt"
	"strings"
	"testing"
)

var (
	u8  = scalar{bytes: 1}
	u16 = scalar{bytes: 2}
	u32 = scalar{bytes: 4}
	u64 = scalar{bytes: 8}
)

// translateOne lays out a struct and returns all types by name.
func translateOne(t *testing.T, r *record, bigEndian bool) map[string]*goType {
	t.Helper()
	list, err := layOut(&facts{bigEndian: bigEndian, records: []*record{r}})
	if err != nil {
		t.Fatal(err)
	}
	types := map[string]*goType{}
	for _, typ := range list {
		types[typ.name] = typ
	}
	return types
}

func fieldsOf(t *goType) string {
	var b strings.Builder
	for _, f := range t.fields {
		fmt.Fprintf(&b, "%s %s@%d;", f.name, f.typ, f.offset)
	}
	return b.String()
}

func expectFields(t *testing.T, typ *goType, want string) {
	t.Helper()
	if typ == nil {
		t.Fatal("the type is missing")
	}
	if got := fieldsOf(typ); got != want {
		t.Errorf("%s has %s, want %s", typ.name, got, want)
	}
}

func TestPaddingIsExplicit(t *testing.T) {
	types := translateOne(t, &record{tag: "kvm_x", bytes: 24, members: []member{
		{name: "a", typ: u8}, {name: "b", typ: u64, offset: 8}, {name: "c", typ: u16, offset: 16},
	}}, false)
	expectFields(t, types["X"], "A uint8@0;_ [7]byte@1;B uint64@8;C uint16@16;_ [6]byte@18;")
}

func TestUnionWithPrincipal(t *testing.T) {
	u := &record{union: true, bytes: 8, members: []member{
		{name: "pad", typ: u64}, {name: "value", typ: u64}, {name: "half", typ: u32},
	}}
	types := translateOne(t, &record{tag: "kvm_x", bytes: 16, members: []member{{name: "a", typ: u32}, {typ: u, offset: 8}}}, false)
	expectFields(t, types["X"], "A uint32@0;_ [4]byte@4;Value uint64@8;")
	if v := types["X"].views; len(v) != 1 || v[0].name != "Half" || v[0].storage != "Value" || v[0].at != 0 {
		t.Errorf("views %+v", v)
	}
}

// TestUnionStorageIsAligned has a byte array as large as the union, which is
// aligned less than a struct in it.
func TestUnionStorageIsAligned(t *testing.T) {
	inner := &record{bytes: 16, members: []member{{name: "n", typ: u64}, {name: "m", typ: u32, offset: 8}}}
	anonymous := &record{bytes: 8, members: []member{{name: "lo", typ: u32}, {name: "hi", typ: u32, offset: 4}}}
	u := &record{union: true, bytes: 16, members: []member{
		{name: "dummy", typ: array{u8, 16}}, {name: "io", typ: inner}, {typ: anonymous},
	}}
	types := translateOne(t, &record{tag: "kvm_x", bytes: 16, members: []member{{name: "u", typ: u}}}, false)
	expectFields(t, types["X"], "U XU@0;")
	expectFields(t, types["XU"], "Union [2]uint64@0;")
	expectFields(t, types["XIO"], "N uint64@0;M uint32@8;_ [4]byte@12;")
	var got []string
	for _, v := range types["XU"].views {
		got = append(got, fmt.Sprintf("%s %s@%d", v.name, v.typ, v.at))
	}
	if want := "Dummy [16]uint8@0,IO XIO@0,Lo uint32@0,Hi uint32@4"; strings.Join(got, ",") != want {
		t.Errorf("views %s, want %s", got, want)
	}
}

func TestTrailingArray(t *testing.T) {
	entry := &record{tag: "kvm_e", bytes: 8, members: []member{{name: "v", typ: u64}}}
	list := &record{tag: "kvm_x", bytes: 8, members: []member{
		{name: "n", typ: u32}, {name: "entries", typ: array{entry, flexible}, offset: 8},
	}}
	types := translateOne(t, list, false)
	expectFields(t, types["X"], "_ [0]uint64@0;N uint32@0;_ [4]byte@4;")
	if a := types["X"].arrays; len(a) != 1 || a[0].elem != "E" {
		t.Errorf("arrays %+v", a)
	}
	// A struct that ends in one has the array too.
	outer := translateOne(t, &record{tag: "kvm_y", bytes: 16, members: []member{{name: "f", typ: u64}, {name: "list", typ: list, offset: 8}}}, false)
	if a := outer["Y"].arrays; len(a) != 1 || a[0].member != "list.entries" {
		t.Errorf("arrays %+v", a)
	}
	// One that starts inside the struct's padding has no translation.
	early := &record{tag: "kvm_z", bytes: 16, members: []member{
		{name: "a", typ: u64}, {name: "b", typ: u32, offset: 8}, {name: "c", typ: array{u8, flexible}, offset: 12},
	}}
	if _, err := layOut(&facts{records: []*record{early}}); err == nil {
		t.Error("an array before the end of its struct was accepted")
	}
}

// TestTrailingNothing drops an empty struct at the end, after which Go would add
// a tail that C does not have.
func TestTrailingNothing(t *testing.T) {
	empty := &record{tag: "kvm_empty"}
	types := translateOne(t, &record{tag: "kvm_x", bytes: 4, members: []member{{name: "a", typ: u32}, {name: "arch", typ: empty, offset: 4}}}, false)
	expectFields(t, types["X"], "A uint32@0;")
}

func TestBitFields(t *testing.T) {
	r := &record{tag: "kvm_x", bytes: 4, members: []member{
		{name: "a", typ: u8},
		{name: "mode", typ: u8, bitOffset: 8, bitSize: 3},
		{name: "on", typ: u8, bitOffset: 11, bitSize: 1},
		{name: "mask", typ: u8, bitOffset: 16, bitSize: 1},
		{name: "reserved", typ: u8, bitOffset: 17, bitSize: 7},
		{name: "z", typ: u8, offset: 3},
	}}
	for bigEndian, want := range map[bool]string{
		false: "Mode Bits[0]>>0;On Bits[0]>>3;Mask Bits[1]>>0;",
		true:  "Mode Bits[0]>>5;On Bits[0]>>4;Mask Bits[1]>>7;",
	} {
		x := translateOne(t, r, bigEndian)["X"]
		expectFields(t, x, "A uint8@0;Bits [2]uint8@1;Z uint8@3;")
		got := ""
		for _, b := range x.bits {
			got += fmt.Sprintf("%s %s>>%d;", b.name, b.storage, b.shift)
		}
		if got != want {
			t.Errorf("big-endian %v: %s, want %s", bigEndian, got, want)
		}
	}
}

func TestClashesAreErrors(t *testing.T) {
	r := &record{tag: "kvm_x", bytes: 8, members: []member{{name: "fd", typ: u32}, {name: "Fd", typ: u32, offset: 4}}}
	if _, err := layOut(&facts{records: []*record{r}}); err == nil {
		t.Error("two members of one name were accepted")
	}
	types := []*goType{{name: "MemReadonly", root: "struct kvm_mem_readonly"}}
	s := &sorted{others: []constant{{c: "KVM_MEM_READONLY", golang: "MemReadonly"}}}
	if err := checkNames(&facts{}, s, types); err == nil {
		t.Error("a constant and a struct of one name were accepted")
	}
}

func TestIoctlWithoutRow(t *testing.T) {
	f := &facts{macros: []macro{{name: "KVM_BRAND_NEW", ioctl: &request{}}}}
	if _, err := sortConstants(f); err == nil || !strings.Contains(err.Error(), "KVM_BRAND_NEW") {
		t.Errorf("an ioctl that nobody placed: %v", err)
	}
}

func TestExitReasons(t *testing.T) {
	f := &facts{}
	for i, name := range []string{"KVM_EXIT_IO", "KVM_EXIT_IO_OUT", "KVM_EXIT_IOAPIC_EOI", "KVM_MEM_READONLY"} {
		f.macros = append(f.macros, macro{name: name, value: integer{bits: uint64(i)}})
	}
	s, err := sortConstants(f)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.exits) != 2 || s.exits[0].golang != "ExitIO" || s.exits[1].golang != "ExitIOAPICEOI" {
		t.Errorf("reasons %+v", s.exits)
	}
}

func TestSplit(t *testing.T) {
	a, b, c := declaration{"a", "1"}, declaration{"b", "1"}, declaration{"b", "2"}
	common, rest := split([][]declaration{{a, b}, {a, c}})
	if len(common) != 1 || common[0] != a || len(rest[0]) != 1 || rest[0][0] != b || rest[1][0] != c {
		t.Errorf("common %v, rest %v", common, rest)
	}
}
