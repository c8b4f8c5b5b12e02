package main

import (
	"fmt"
	"strings"
)

// kinds of files that a struct is spread over.
var structFiles = []struct {
	common, arch string // arch with the architecture's name in the middle
	imports      []string
	render       func(*goType) string
	intro        string
}{
	{"zstruct.go", "zstruct_linux_%s.go", []string{"structs"}, renderStruct, ""},
	{"zview_unsafe.go", "zview_linux_%s_unsafe.go", []string{"unsafe"}, renderViews, ""},
	{"zbuffer.go", "zbuffer_linux_%s.go", nil, renderBuffers, ""},
	{"zassert_unsafe.go", "zassert_linux_%s_unsafe.go", []string{"unsafe"}, renderAsserts, assertIntro},
}

// emitStructs writes the structs of all architectures.
func emitStructs(all []*facts, types [][]*goType) []*source {
	var files []*source
	for _, kind := range structFiles {
		var lists [][]declaration
		for _, list := range types {
			var out []declaration
			for _, t := range list {
				if text := kind.render(t); text != "" {
					out = append(out, declaration{t.name, text})
				}
			}
			lists = append(lists, out)
		}
		common, rest := split(lists)
		emit := func(name, goarch string, list []declaration) {
			if len(list) == 0 {
				return
			}
			s := &source{name: name, goarch: goarch, imports: kind.imports}
			s.printf("\n%s", kind.intro)
			for _, d := range list {
				s.printf("%s\n", d.text)
			}
			files = append(files, s)
		}
		emit(kind.common, "", common)
		for i, f := range all {
			emit(fmt.Sprintf(kind.arch, f.target.goarch), f.target.goarch, rest[i])
		}
	}
	return files
}

func renderStruct(t *goType) string {
	var b strings.Builder
	fmt.Fprintf(&b, "// %s%s\ntype %s struct {\n_ structs.HostLayout\n", t.doc, arrayDoc(t), t.name)
	for _, f := range t.fields {
		fmt.Fprintf(&b, "%s %s", f.name, f.typ)
		if f.comment != "" {
			fmt.Fprintf(&b, " // %s", f.comment)
		}
		b.WriteString("\n")
	}
	b.WriteString("}\n")
	for _, f := range t.bits {
		renderBits(&b, t, f)
	}
	return b.String()
}

func arrayDoc(t *goType) string {
	var b strings.Builder
	for _, a := range t.arrays {
		fmt.Fprintf(&b, "\n// The array %s follows it: see %s.", a.member, bufferName(t, a))
	}
	return b.String()
}

// renderBits writes the accessors of a bit field.
func renderBits(b *strings.Builder, t *goType, f goBits) {
	mask := uint64(1)<<f.bits - 1
	if f.bits == 1 {
		fmt.Fprintf(b, "\n// %s reads the bit %s of %s.\nfunc (x *%s) %s() bool { return x.%s>>%d&1 != 0 }\n",
			f.name, f.cpath, t.root, t.name, f.name, f.storage, f.shift)
		fmt.Fprintf(b, "\n// Set%s writes the bit %s of %s.\nfunc (x *%s) Set%s(on bool) {\nx.%s &^= 1<<%d\nif on {\nx.%s |= 1<<%d\n}\n}\n",
			f.name, f.cpath, t.root, t.name, f.name, f.storage, f.shift, f.storage, f.shift)
		return
	}
	fmt.Fprintf(b, "\n// %s reads the bit field %s of %s, %d bits.\nfunc (x *%s) %s() %s { return x.%s>>%d&%#x }\n",
		f.name, f.cpath, t.root, f.bits, t.name, f.name, f.typ, f.storage, f.shift, mask)
	fmt.Fprintf(b, "\n// Set%s writes the bit field %s of %s; higher bits of v are dropped.\nfunc (x *%s) Set%s(v %s) { x.%s = x.%s&^(%#x<<%d) | v&%#x<<%d }\n",
		f.name, f.cpath, t.root, t.name, f.name, f.typ, f.storage, f.storage, mask, f.shift, mask, f.shift)
}

// renderViews writes the members of unions, which are views of their storage.
func renderViews(t *goType) string {
	var b strings.Builder
	for _, v := range t.views {
		fmt.Fprintf(&b, "// %s is the member %s of %s, in place.\nfunc (x *%s) %s() *%s {\n", v.name, v.cpath, t.root, t.name, v.name, v.typ)
		fmt.Fprintf(&b, "// SAFETY: the storage is large enough and aligned, and no bits are invalid.\n")
		pointer := fmt.Sprintf("unsafe.Pointer(&x.%s)", v.storage)
		if v.at != 0 {
			pointer = fmt.Sprintf("unsafe.Add(%s, %d)", pointer, v.at)
		}
		fmt.Fprintf(&b, "return (*%s)(%s)\n}\n\n", v.typ, pointer)
	}
	return b.String()
}

func bufferName(t *goType, a trailing) string { return t.name + a.suffix + "Buffer" }

// renderBuffers writes the types that hold a struct with its trailing array.
func renderBuffers(t *goType) string {
	var b strings.Builder
	for _, a := range t.arrays {
		name := bufferName(t, a)
		fmt.Fprintf(&b, "// %s is %s with its array %s.\ntype %s struct{ varArray[%s, %s] }\n\n", name, t.root, a.member, name, t.name, a.elem)
		fmt.Fprintf(&b, "// New%s makes a zero struct with room for n entries", name)
		count := counts[strings.TrimPrefix(t.root, "struct ")]
		set := ""
		if count.member != "" {
			fmt.Fprintf(&b, " and sets %s to %s", count.member, count.what)
			set = fmt.Sprintf("b.Header().%s = %s(%s)\n", count.path(), count.typ, count.value)
		}
		fmt.Fprintf(&b, ".\nfunc New%s(n int) *%s {\nb := &%s{makeVarArray[%s, %s](n)}\n%sreturn b\n}\n\n", name, name, name, t.name, a.elem, set)
	}
	return b.String()
}

const assertIntro = `// A wrong size, alignment or offset makes a difference that is not zero, whose
// negation overflows a uintptr and does not compile.

`

// renderAsserts writes the compiler's numbers for Go's compiler to check.
func renderAsserts(t *goType) string {
	var b strings.Builder
	fmt.Fprintf(&b, "// %s\nconst (\n", strings.TrimSpace(t.root+" "+t.cpath))
	fmt.Fprintf(&b, "_ = -(unsafe.Sizeof(%s{}) ^ %d)\n", t.name, t.bytes)
	if t.alignment <= 8 { // Go aligns nothing to more
		fmt.Fprintf(&b, "_ = -(unsafe.Alignof(%s{}) ^ %d)\n", t.name, t.alignment)
	}
	for _, f := range t.fields {
		if f.name == "_" {
			continue
		}
		fmt.Fprintf(&b, "_ = -(unsafe.Offsetof(%s{}.%s) ^ %d)\n", t.name, f.name, f.offset)
		fmt.Fprintf(&b, "_ = -(unsafe.Sizeof(%s{}.%s) ^ %d)\n", t.name, f.name, f.bytes)
	}
	for _, v := range t.views {
		fmt.Fprintf(&b, "_ = -(unsafe.Sizeof(*new(%s)) ^ %d) // %s\n", v.typ, v.bytes, v.name)
		fmt.Fprintf(&b, "_ = unsafe.Sizeof(%s{}.%s) - %d\n", t.name, v.storage, v.at+v.bytes)
	}
	b.WriteString(")\n")
	return b.String()
}
