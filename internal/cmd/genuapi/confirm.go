package main

import (
	"context"
	"fmt"
	"strings"
)

// confirm asks the compiler a second way: sizeof and offsetof must agree with
// the debug information that the structs are read from.
func (c *compiler) confirm(ctx context.Context, f *facts) error {
	var b strings.Builder
	b.WriteString(prelude)
	for _, r := range f.records {
		kind := "struct"
		if r.union {
			kind = "union"
		}
		name := kind + " " + r.tag
		fmt.Fprintf(&b, "_Static_assert(sizeof(%s) == %d, \"size of %s\");\n", name, r.bytes, name)
		fmt.Fprintf(&b, "_Static_assert(_Alignof(%s) == %d, \"alignment of %s\");\n", name, r.align(), name)
		confirmOffsets(&b, name, "", 0, r)
	}
	confirmRegisters(&b, f)
	_, _, err := c.run(ctx, b.String(), "-fsyntax-only")
	return err
}

// confirmRegisters does the same for the ids of registers.
func confirmRegisters(b *strings.Builder, f *facts) {
	b.WriteString(regPrelude)
	for _, r := range f.registers {
		fmt.Fprintf(b, "_Static_assert((%s) == %#xULL, \"id of %s\");\n", r.expr, r.id, r.c)
	}
}

func confirmOffsets(b *strings.Builder, name, path string, base int, r *record) {
	for _, m := range r.members {
		inner, isRecord := m.typ.(*record)
		if m.name == "" && isRecord {
			confirmOffsets(b, name, path, base+m.offset, inner)
			continue
		}
		if m.bitSize != 0 {
			continue // has no offset in C
		}
		fmt.Fprintf(b, "_Static_assert(__builtin_offsetof(%s, %s%s) == %d, \"%s.%s%s\");\n", name, path, m.name, base+m.offset, name, path, m.name)
		if isRecord && inner.tag == "" {
			confirmOffsets(b, name, path+m.name+".", base+m.offset, inner)
		}
	}
}

// confirmNumbers has the compiler compare the values of constants and ioctl
// numbers with what was found.
func (c *compiler) confirmNumbers(ctx context.Context, f *facts) error {
	var b strings.Builder
	b.WriteString(prelude)
	lists := [][]macro{f.macros}
	for _, e := range f.enums {
		lists = append(lists, e.members)
	}
	for _, list := range lists {
		for _, m := range list {
			// In two's complement, whatever the type is.
			fmt.Fprintf(&b, "_Static_assert((unsigned long long)(%s) == %#xULL, \"value of %s\");\n", m.name, m.value.bits, m.name)
		}
	}
	_, _, err := c.run(ctx, b.String(), "-fsyntax-only")
	return err
}
