package main

import (
	"fmt"
	"slices"
	"strings"
)

// layouter translates the records of one architecture.
type layouter struct {
	facts *facts
	types []*goType
	done  map[*record]*goType
}

func layOut(f *facts) ([]*goType, error) {
	l := &layouter{facts: f, done: map[*record]*goType{}}
	for _, r := range f.records {
		if _, err := l.named(r); err != nil {
			return nil, fmt.Errorf("%s: %w", f.target.goarch, err)
		}
	}
	return l.types, nil
}

// named translates a record with a tag.
func (l *layouter) named(r *record) (*goType, error) {
	if t := l.done[r]; t != nil {
		return t, nil
	}
	kind := "struct"
	if r.union {
		kind = "union"
	}
	name := recordName(r.tag)
	t := &goType{name: name, root: kind + " " + r.tag}
	t.doc = fmt.Sprintf("%s is %s.", name, t.root)
	return t, l.define(t, r)
}

// anonymous translates a record without a tag that is a member of another.
func (l *layouter) anonymous(r *record, parent *goType, member string) (*goType, error) {
	// The union that headers call u adds nothing to the names of its members.
	base := strings.TrimSuffix(parent.name, "U")
	if !strings.HasSuffix(parent.cpath, "u") || parent.cpath != "u" && !strings.HasSuffix(parent.cpath, ".u") {
		base = parent.name
	}
	t := &goType{name: base + goName(member), root: parent.root, cpath: join(parent.cpath, member)}
	t.doc = fmt.Sprintf("%s is the member %s of %s.", t.name, t.cpath, t.root)
	return t, l.define(t, r)
}

func join(path, member string) string {
	if path == "" {
		return member
	}
	return path + "." + member
}

func (l *layouter) define(t *goType, r *record) error {
	t.bytes, t.alignment, t.names = r.size(), r.align(), map[string]bool{}
	l.done[r] = t
	var err error
	if r.union {
		err = l.union(t, r, 0)
	} else {
		err = l.members(t, r, 0)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", t.name, err)
	}
	for _, a := range t.arrays {
		if a.offset != t.bytes {
			return fmt.Errorf("%s: the array %s starts at %d, before the end of the struct at %d", t.name, a.member, a.offset, t.bytes)
		}
	}
	if err := t.fill(); err != nil {
		return err
	}
	l.types = append(l.types, t)
	return nil
}

// members adds the members of a struct that starts at base.
func (l *layouter) members(t *goType, r *record, base int) error {
	for i := 0; i < len(r.members); i++ {
		m := r.members[i]
		var err error
		switch inner, isRecord := m.typ.(*record); {
		case m.bitSize != 0:
			run := i
			for run < len(r.members) && r.members[run].bitSize != 0 {
				run++
			}
			err = l.bitRun(t, r.members[i:run], base)
			i = run - 1
		case m.name == "" && isRecord && inner.union:
			err = l.union(t, inner, base+m.offset)
		case m.name == "" && isRecord:
			err = l.members(t, inner, base+m.offset)
		case isFlexible(m.typ):
			err = l.trailing(t, m, base+m.offset, "")
		default:
			err = l.field(t, m, base+m.offset)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *layouter) field(t *goType, m member, offset int) error {
	typ, err := l.typeName(m.typ, t, m.name)
	if err != nil {
		return err
	}
	if inner, ok := m.typ.(*record); ok {
		l.inherit(t, m, inner, offset)
		if inner.bytes == 0 && offset == t.bytes && t.bytes > 0 {
			// Go gives a struct that ends in nothing a tail, C does not.
			return nil
		}
	}
	f := goField{name: goName(m.name), typ: typ, offset: offset, bytes: m.typ.size(), alignment: m.typ.align()}
	if s, ok := m.typ.(scalar); ok && s.pointer {
		f.comment = "a pointer in C"
	}
	t.fields = append(t.fields, f)
	return t.claim(f.name)
}

// inherit makes the trailing arrays of the last member those of the whole. A
// member that is nothing but such arrays needs no type.
func (l *layouter) inherit(t *goType, m member, inner *record, offset int) {
	nested := l.done[inner]
	for _, a := range nested.arrays {
		t.arrays = append(t.arrays, trailing{join(m.name, a.member), a.elem, a.suffix, offset + inner.bytes})
	}
	if inner.tag == "" && inner.bytes == 0 {
		l.types = slices.DeleteFunc(l.types, func(other *goType) bool { return other == nested })
	}
}

func isFlexible(t ctype) bool {
	a, ok := t.(array)
	return ok && a.count == flexible
}

func (l *layouter) trailing(t *goType, m member, offset int, suffix string) error {
	elem, err := l.typeName(m.typ.(array).elem, t, m.name)
	if err != nil {
		return err
	}
	t.arrays = append(t.arrays, trailing{m.name, elem, suffix, offset})
	return nil
}

// typeName returns the Go type of a member, defining the records it needs.
func (l *layouter) typeName(c ctype, parent *goType, member string) (string, error) {
	switch c := c.(type) {
	case scalar:
		return scalarName(c), nil
	case array:
		elem, err := l.typeName(c.elem, parent, member)
		return fmt.Sprintf("[%d]%s", c.count, elem), err
	case *record:
		if t := l.done[c]; t != nil {
			return t.name, nil
		}
		var t *goType
		var err error
		if c.tag != "" {
			t, err = l.named(c)
		} else {
			t, err = l.anonymous(c, parent, member)
		}
		return t.name, err
	}
	return "", fmt.Errorf("%s has a type without a translation", member)
}

func scalarName(s scalar) string {
	switch {
	case s.bytes == 16:
		return "[2]uint64" // in the byte order of the machine
	case s.signed && !s.pointer:
		return fmt.Sprintf("int%d", 8*s.bytes)
	default:
		return fmt.Sprintf("uint%d", 8*s.bytes)
	}
}
