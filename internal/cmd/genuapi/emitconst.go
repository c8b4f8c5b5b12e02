package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// numbered writes the constants of a type with values that no two share, and
// their names by value. They are the same questions on every architecture, so
// each has all of them.
func numbered(file, typ, table string, each [][]constant) (*source, error) {
	all, err := unite(each)
	if err != nil {
		return nil, err
	}
	s := &source{name: file}
	s.printf("const (\n")
	for _, k := range all {
		s.printf("%s %s = %s // %s\n", k.golang, typ, k.text, k.c)
	}
	s.printf(")\n\n// %s are the names by value; a gap is empty.\nvar %s = [...]string{\n", table, table)
	for _, k := range all {
		s.printf("%s: %q,\n", k.golang, k.c)
	}
	s.printf("}\n")
	return s, nil
}

// unite merges the lists of the architectures, which must not contradict each
// other, in the order of the values.
func unite(each [][]constant) ([]constant, error) {
	byName := map[string]constant{}
	byValue := map[uint64]string{}
	for _, list := range each {
		for _, k := range list {
			if known, ok := byName[k.c]; ok && known.value != k.value {
				return nil, fmt.Errorf("%s differs between architectures", k.c)
			}
			if other, ok := byValue[k.value.bits]; ok && other != k.c {
				return nil, fmt.Errorf("%s and %s have the same value", k.c, other)
			}
			byName[k.c], byValue[k.value.bits] = k, k.c
		}
	}
	var all []constant
	for _, k := range byName {
		all = append(all, k)
	}
	slices.SortFunc(all, func(a, b constant) int { return cmp.Compare(a.value.bits, b.value.bits) })
	return all, nil
}

// constantFiles writes the constants without a type of their own.
func constantFiles(all []*facts, each []*sorted) []*source {
	var lists [][]declaration
	for _, s := range each {
		var list []declaration
		for _, k := range s.others {
			list = append(list, declaration{k.c, fmt.Sprintf("%s = %s // %s\n", k.golang, k.text, k.c)})
		}
		lists = append(lists, list)
	}
	common, rest := split(lists)
	files := []*source{constantFile("zconst.go", "", common)}
	for i, f := range all {
		arch := f.target.goarch
		files = append(files, constantFile("zconst_linux_"+arch+".go", arch, rest[i]))
	}
	return files
}

func constantFile(name, goarch string, list []declaration) *source {
	s := &source{name: name, goarch: goarch}
	s.printf("const (\n")
	for i, d := range list {
		if i > 0 && !related(list[i-1].key, d.key) {
			s.printf("\n")
		}
		s.printf("%s", d.text)
	}
	s.printf(")\n")
	return s
}

// related tells whether two constants stand together: their names begin or end
// with the same word.
func related(a, b string) bool {
	first := func(c string) string {
		word, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(c, "KVM_"), "kvm_"), "_")
		return word
	}
	last := func(c string) string { return c[strings.LastIndex(c, "_")+1:] }
	return first(a) == first(b) || last(a) == last(b)
}

// ioctlFile writes the ioctl numbers of an architecture and their names.
func ioctlFile(f *facts, s *sorted) *source {
	arch := f.target.goarch
	out := &source{name: "zioctl_linux_" + arch + ".go", goarch: arch}
	for _, kind := range fdKinds {
		out.printf("const (\n")
		for _, k := range s.ioctls[kind] {
			out.printf("%s %sIoctl = %s // %s\n", k.golang, kind, k.text, k.c)
		}
		out.printf(")\n\n")
	}
	for _, kind := range fdKinds {
		// Two names of one number would not compile.
		out.printf("func (i %sIoctl) name() string {\nswitch i {\n", kind)
		for _, k := range s.ioctls[kind] {
			out.printf("case %s:\nreturn %q\n", k.golang, k.c)
		}
		out.printf("}\nreturn \"\"\n}\n\n")
	}
	return out
}
