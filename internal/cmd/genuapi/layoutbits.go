package main

import (
	"fmt"
	"strings"
)

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
