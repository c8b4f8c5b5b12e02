package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
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

// claim reserves a name among the fields and methods of a type.
func (t *goType) claim(name string) error {
	if t.names[name] {
		return fmt.Errorf("two members are named %s", name)
	}
	t.names[name] = true
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

// bitRun adds the storage of adjoining bit fields, in bytes, and the fields.
func (l *layouter) bitRun(t *goType, run []member, base int) error {
	first, last := run[0], run[len(run)-1]
	start := base + first.bitOffset/8
	end := base + (last.bitOffset+last.bitSize+7)/8
	f := goField{name: "Bits", typ: fmt.Sprintf("[%d]uint8", end-start), offset: start, bytes: end - start, alignment: 1, comment: "bit fields, which are methods"}
	if err := t.claim(f.name); err != nil {
		return err
	}
	t.fields = append(t.fields, f)
	for _, m := range run {
		if err := l.bitField(t, m, base, f, scalar{bytes: 1}); err != nil {
			return err
		}
	}
	return nil
}

// bitField adds a bit field that is stored in the field f of elements elem.
func (l *layouter) bitField(t *goType, m member, base int, f goField, elem scalar) error {
	if paddingName.MatchString(m.name) {
		return nil
	}
	width := 8 * elem.bytes
	at := 8*(base-f.offset) + m.bitOffset
	index, within := at/width, at%width
	if within+m.bitSize > width {
		return fmt.Errorf("the bit field %s crosses elements of its storage", m.name)
	}
	b := goBits{name: goName(m.name), cpath: join(t.cpath, m.name), storage: f.name, typ: scalarName(elem), shift: within, bits: m.bitSize}
	if l.facts.bigEndian {
		b.shift = width - within - m.bitSize
	}
	if strings.HasPrefix(f.typ, "[") {
		b.storage += fmt.Sprintf("[%d]", index)
	}
	t.bits = append(t.bits, b)
	if err := t.claim("Set" + b.name); err != nil {
		return err
	}
	return t.claim(b.name)
}

// union adds the storage of a union that starts at base. A member that is as
// large and as aligned as the whole is the storage; the others are views of it.
// A union of one is no different from a struct.
func (l *layouter) union(t *goType, u *record, base int) error {
	if len(u.members) == 1 {
		return l.members(t, u, base)
	}
	if u.bytes == 0 {
		return l.views(t, u, goField{offset: base}, scalar{}, base, len(u.members) > 1)
	}
	elem := scalar{bytes: min(u.align(), 8)}
	storage := goField{
		name: "Union", typ: fmt.Sprintf("[%d]%s", u.bytes/elem.bytes, scalarName(elem)), offset: base, bytes: u.bytes,
		alignment: u.align(), comment: "a union, whose members are methods",
	}
	for _, m := range u.members {
		if s, ok := principal(u, m); ok {
			typ, err := l.typeName(m.typ, t, m.name)
			if err != nil {
				return err
			}
			elem = s
			storage.name, storage.typ, storage.comment = goName(m.name), typ, "in a union"
			break
		}
	}
	if err := t.claim(storage.name); err != nil {
		return err
	}
	t.fields = append(t.fields, storage)
	return l.views(t, u, storage, elem, base, false)
}

// principal tells whether a member can be the storage of its union.
func principal(u *record, m member) (elem scalar, ok bool) {
	if m.name == "" || m.bitSize != 0 || paddingName.MatchString(m.name) ||
		m.typ.size() != u.bytes || m.typ.align() != u.align() {
		return scalar{}, false
	}
	typ := m.typ
	for {
		switch t := typ.(type) {
		case array:
			typ = t.elem
		case scalar:
			return t, t.bytes <= 8
		default:
			return scalar{}, false
		}
	}
}

// views adds the members of a union, or of an anonymous struct within one.
func (l *layouter) views(t *goType, r *record, storage goField, elem scalar, base int, several bool) error {
	for _, m := range r.members {
		inner, isRecord := m.typ.(*record)
		var err error
		switch {
		case m.bitSize != 0:
			err = l.bitField(t, m, base, storage, elem)
		case m.name == "" && isRecord:
			err = l.views(t, inner, storage, elem, base+m.offset, several)
		case goName(m.name) == storage.name || paddingName.MatchString(m.name):
		case isFlexible(m.typ):
			suffix := ""
			if several {
				suffix = goName(m.name)
			}
			err = l.trailing(t, m, base+m.offset, suffix)
		default:
			err = l.view(t, m, storage, base+m.offset)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *layouter) view(t *goType, m member, storage goField, offset int) error {
	typ, err := l.typeName(m.typ, t, m.name)
	if err != nil {
		return err
	}
	v := goView{name: goName(m.name), typ: typ, cpath: join(t.cpath, m.name), storage: storage.name, at: offset - storage.offset, bytes: m.typ.size()}
	if v.at+v.bytes > storage.bytes {
		return fmt.Errorf("%s is outside its union", m.name)
	}
	t.views = append(t.views, v)
	return t.claim(v.name)
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
