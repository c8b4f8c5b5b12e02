package main

import (
	"fmt"
	"regexp"
	"slices"
)

// goType is the translation of a record.
type goType struct {
	name, doc   string
	bytes       int
	alignment   int
	fields      []goField
	views       []goView
	bits        []goBits
	arrays      []trailing
	names       map[string]bool
	root, cpath string // the struct with a tag, and the members that lead here
}

// goField is a field at a fixed offset.
type goField struct {
	name, typ, comment string
	offset, bytes      int
	alignment          int
}

// goView is a union's member, seen in the storage of the union.
type goView struct {
	name, typ, cpath string
	storage          string // the field
	at, bytes        int    // in the storage
}

// goBits is a bit field within an element of its storage.
type goBits struct {
	name, cpath string
	storage     string // an expression
	typ         string // of the storage
	shift, bits int
}

// trailing is an array without a length at the end of a struct.
type trailing struct {
	member string // in C
	elem   string
	suffix string // what tells it from others of the same struct
	offset int
}

// paddingName matches members that only fill space.
var paddingName = regexp.MustCompile(`^_*(pad|padding|reserve|reserved)\d*$`)

// claim reserves a name among the fields and methods of a type.
func (t *goType) claim(name string) error {
	if t.names[name] {
		return fmt.Errorf("two members are named %s", name)
	}
	t.names[name] = true
	return nil
}

// fill makes the gaps between the fields explicit, and the alignment where only
// a trailing array, which is no field, asks for it.
func (t *goType) fill() error {
	slices.SortStableFunc(t.fields, func(a, b goField) int { return a.offset - b.offset })
	var out []goField
	end, alignment := 0, 1
	gap := func(to int) {
		if to > end {
			out = append(out, goField{name: "_", typ: fmt.Sprintf("[%d]byte", to-end), offset: end, bytes: to - end})
		}
	}
	for _, f := range t.fields {
		if f.offset < end {
			return fmt.Errorf("%s: %s at %d overlaps what ends at %d", t.name, f.name, f.offset, end)
		}
		gap(f.offset)
		out = append(out, f)
		end, alignment = f.offset+f.bytes, max(alignment, f.alignment)
	}
	gap(t.bytes)
	if want := min(t.alignment, 8); alignment < want {
		out = slices.Insert(out, 0, goField{name: "_", typ: fmt.Sprintf("[0]uint%d", 8*want), comment: "aligned as its array"})
	}
	t.fields = out
	return nil
}
