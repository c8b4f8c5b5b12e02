package main

import (
	"cmp"
	"context"
	"debug/dwarf"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

// types returns the enums and the structs that the KVM headers define, from the
// compiler's debug information.
func (c *compiler) types(ctx context.Context) (*facts, error) {
	path, err := c.object(ctx, prelude, "-g", "-gdwarf-4", "-fno-eliminate-unused-debug-types")
	if err != nil {
		return nil, err
	}
	object, err := elf.Open(path)
	if err != nil {
		return nil, err
	}
	defer object.Close()
	data, err := object.DWARF()
	if err != nil {
		return nil, err
	}
	f := &facts{target: c.target, bigEndian: object.ByteOrder == binary.BigEndian}
	r := &dwarfReader{data: data, records: map[string]*record{}, facts: f, places: map[string]declared{}}
	if err := r.read(); err != nil {
		return nil, fmt.Errorf("%s: %w", c.target.goarch, err)
	}
	r.sort()
	return f, nil
}

// declared is where the headers declare something.
type declared struct {
	file string
	line int64
}

func (a declared) compare(b declared) int {
	return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.line, b.line))
}

// sort orders everything as the headers do, since the order of the debug
// information is the compiler version's own. What other headers declare comes
// first.
func (r *dwarfReader) sort() {
	slices.SortStableFunc(r.facts.records, func(a, b *record) int {
		return cmp.Or(r.places[a.tag].compare(r.places[b.tag]), strings.Compare(a.tag, b.tag))
	})
	slices.SortStableFunc(r.facts.enums, func(a, b enumeration) int {
		return r.places[a.members[0].name].compare(r.places[b.members[0].name])
	})
}

// dwarfReader turns debug information into facts.
type dwarfReader struct {
	data    *dwarf.Data
	records map[string]*record // by tag
	facts   *facts
	places  map[string]declared // by a struct's tag or an enum's first constant
}

func (r *dwarfReader) read() error {
	entries := r.data.Reader()
	unit, err := entries.Next()
	if err != nil {
		return err
	}
	lines, err := r.data.LineReader(unit)
	if err != nil {
		return err
	}
	for {
		e, err := entries.Next()
		if err != nil {
			return err
		}
		if e == nil || e.Tag == 0 {
			return nil
		}
		if file, ok := e.Val(dwarf.AttrDeclFile).(int64); ok && ours(lines.Files()[file].Name) {
			line, _ := e.Val(dwarf.AttrDeclLine).(int64)
			if err := r.entry(e, declared{lines.Files()[file].Name, line}); err != nil {
				return err
			}
		}
		entries.SkipChildren()
	}
}

// entry takes what the headers define at the top level.
func (r *dwarfReader) entry(e *dwarf.Entry, at declared) error {
	tag, _ := e.Val(dwarf.AttrName).(string)
	switch e.Tag {
	case dwarf.TagStructType, dwarf.TagUnionType:
		if tag == "" {
			return nil // reached through what holds it
		}
		r.places[tag] = at
	case dwarf.TagEnumerationType:
	default:
		return nil
	}
	t, err := r.data.Type(e.Offset)
	if err != nil {
		return err
	}
	if enum, ok := t.(*dwarf.EnumType); ok && len(enum.Val) > 0 {
		r.places[enum.Val[0].Name] = at
		r.facts.enums = append(r.facts.enums, convertEnum(enum))
		return nil
	}
	_, err = r.convert(t)
	return err
}

func convertEnum(enum *dwarf.EnumType) enumeration {
	out := enumeration{tag: enum.EnumName}
	for _, v := range enum.Val {
		out.members = append(out.members, macro{name: v.Name, value: integer{uint64(v.Val), v.Val < 0}})
	}
	return out
}

// convert turns a type into ours; a struct with a tag is listed once.
func (r *dwarfReader) convert(t dwarf.Type) (ctype, error) {
	switch t := t.(type) {
	case *dwarf.TypedefType:
		return r.convert(t.Type)
	case *dwarf.QualType:
		return r.convert(t.Type)
	case *dwarf.PtrType:
		return scalar{bytes: 8, pointer: true}, nil
	case *dwarf.EnumType:
		return scalar{bytes: int(t.ByteSize)}, nil
	case *dwarf.UintType:
		return scalar{bytes: int(t.ByteSize)}, nil
	case *dwarf.UcharType:
		return scalar{bytes: 1}, nil
	case *dwarf.IntType:
		return scalar{bytes: int(t.ByteSize), signed: true}, nil
	case *dwarf.CharType:
		// Whether a plain char has a sign depends on the architecture; the
		// kernel means bytes.
		return scalar{bytes: 1, signed: t.Name != "char"}, nil
	case *dwarf.ArrayType:
		elem, err := r.convert(t.Type)
		if err != nil {
			return nil, err
		}
		count := int(t.Count)
		if count <= 0 {
			count = flexible
		}
		return array{elem, count}, nil
	case *dwarf.StructType:
		return r.record(t)
	}
	return nil, fmt.Errorf("the type %v (%T) has no translation", t, t)
}

func (r *dwarfReader) record(t *dwarf.StructType) (*record, error) {
	if known := r.records[t.StructName]; known != nil && t.StructName != "" {
		return known, nil
	}
	if t.Incomplete {
		return nil, fmt.Errorf("struct %s is incomplete", t.StructName)
	}
	out := &record{tag: t.StructName, union: t.Kind == "union", bytes: int(t.ByteSize)}
	if out.tag != "" {
		r.records[out.tag] = out
	}
	for _, field := range t.Field {
		typ, err := r.convert(field.Type)
		if err != nil {
			return nil, fmt.Errorf("%s.%s: %w", t.StructName, field.Name, err)
		}
		if strings.HasPrefix(field.Name, "__empty_") {
			continue // the header's way to put a flexible array into a union
		}
		m := member{name: field.Name, offset: int(field.ByteOffset), typ: typ}
		if field.BitSize != 0 {
			m.bitSize, m.bitOffset = int(field.BitSize), int(field.DataBitOffset)
		}
		out.members = append(out.members, m)
	}
	if out.tag != "" {
		r.facts.records = append(r.facts.records, out)
	}
	return out, nil
}
