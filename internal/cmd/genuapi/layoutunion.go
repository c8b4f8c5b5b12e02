package main

import "fmt"

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
