package main

import (
	"cmp"
	"context"
	"debug/dwarf"
	"debug/elf"
	"fmt"
	"math/bits"
	"slices"
	"strings"
)

// register is a register that KVM_GET_ONE_REG reaches.
type register struct {
	c, golang string
	expr      string // in C
	id        uint64
}

// registers returns the registers of an architecture: the macros that are ids,
// and the families of regRows. It takes those macros out of f.macros.
func (c *compiler) registers(ctx context.Context, f *facts) error {
	f.macros = slices.DeleteFunc(f.macros, func(m macro) bool {
		isID := isRegisterID(f, m)
		if isID {
			f.registers = append(f.registers, register{m.name, constantName(m.name, ""), m.name, m.value.bits})
		}
		return isID
	})
	for _, row := range regRows {
		if row.kernel != f.target.kernel {
			continue
		}
		family, err := c.family(ctx, f, row)
		if err != nil {
			return fmt.Errorf("%s: registers %s: %w", f.target.goarch, row.use, err)
		}
		f.registers = append(f.registers, family...)
	}
	if err := c.regValues(ctx, f); err != nil {
		return err
	}
	return f.judgeRegisters()
}

// isRegisterID tells a whole id from a part of one and from a register's value.
func isRegisterID(f *facts, m macro) bool {
	value := func(name string) uint64 {
		for _, other := range f.macros {
			if other.name == name {
				return other.value.bits
			}
		}
		return 0
	}
	own := value("KVM_REG_" + strings.ToUpper(f.target.register()))
	return strings.HasPrefix(m.name, "KVM_REG_") && own != 0 &&
		m.value.bits&value("KVM_REG_ARCH_MASK") == own && m.value.bits&value("KVM_REG_SIZE_MASK") != 0
}

// register is what ids call an architecture.
func (t target) register() string {
	if t.kernel == "powerpc" {
		return "ppc"
	}
	return t.kernel
}

// family returns the registers of one row.
func (c *compiler) family(ctx context.Context, f *facts, row regRow) ([]register, error) {
	var list []register
	add := func(what, name, size string) {
		expr := fmt.Sprintf(row.use, what)
		list = append(list, register{c: expr, golang: row.golang + name, expr: join3(expr, row.with, size)})
	}
	strip := func(s string) string {
		for _, prefix := range row.strip {
			s = strings.TrimPrefix(s, prefix)
		}
		return s
	}
	switch {
	case row.sysregs:
		return c.sysregFamily(ctx, row)
	case row.members != "":
		leaves, err := c.leaves(ctx, row.members)
		if err != nil {
			return nil, err
		}
		for _, l := range leaves {
			name := strings.NewReplacer("[", "", "]", "", ".", "_").Replace(strip(l.path))
			add(l.path, goName(name), fmt.Sprintf("KVM_REG_SIZE_U%d", 8*l.bytes))
		}
	case row.enum != "":
		for _, e := range f.enums {
			for _, m := range e.members {
				if e.tag == row.enum && !strings.HasSuffix(m.name, "_MAX") {
					add(m.name, goName(strip(m.name)), "")
				}
			}
		}
	default:
		ends, err := c.evaluate(ctx, []macro{{name: row.numbers[0]}, {name: row.numbers[1]}}, regPrelude)
		if err != nil {
			return nil, err
		}
		for n := ends[0].bits; n <= ends[1].bits && n < 1<<12; n++ {
			add(fmt.Sprint(n), fmt.Sprint(n), "")
		}
	}
	return list, c.values(ctx, list)
}

func join3(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), " | ")
}

// values has the compiler work out the ids.
func (c *compiler) values(ctx context.Context, list []register) error {
	if len(list) == 0 {
		return fmt.Errorf("there are none")
	}
	var ask []macro
	for _, r := range list {
		ask = append(ask, macro{name: r.expr})
	}
	values, err := c.evaluate(ctx, ask, regPrelude)
	for i, v := range values {
		list[i].id = v.bits
	}
	return err
}

// regValues adds what encoders need to the macros.
func (c *compiler) regValues(ctx context.Context, f *facts) error {
	for _, v := range regValues {
		if v.kernel != f.target.kernel {
			continue
		}
		got, err := c.evaluate(ctx, []macro{{name: v.c}}, regPrelude)
		if err != nil {
			return err
		}
		f.regValues = append(f.regValues, constant{c: v.c, golang: v.golang, value: got[0], text: fmt.Sprint(got[0].bits)})
	}
	return nil
}

// judgeRegisters drops what is there twice, as a macro and in a family, and stops
// at ids that are none.
func (f *facts) judgeRegisters() error {
	byName, byID := map[string]register{}, map[uint64]register{}
	var list []register
	for _, r := range f.registers {
		if known, ok := byName[r.golang]; ok {
			if known.id != r.id {
				return fmt.Errorf("%s: %s and %s are both named %s", f.target.goarch, known.c, r.c, r.golang)
			}
			continue
		}
		if known, ok := byID[r.id]; ok {
			return fmt.Errorf("%s: %s and %s are the same register", f.target.goarch, known.c, r.c)
		}
		if _, err := r.valueType(); err != nil {
			return err
		}
		byName[r.golang], byID[r.id] = r, r
		list = append(list, r)
	}
	f.registers = list
	return nil
}

// valueType is the Go type of the register's value.
func (r register) valueType() (string, error) {
	const shift, mask = 52, 15 // KVM_REG_SIZE_SHIFT and _MASK
	switch size := 1 << (r.id >> shift & mask); {
	case size <= 8:
		return fmt.Sprintf("uint%d", 8*size), nil
	case size == 16:
		return "[2]uint64", nil
	case size <= 256:
		return fmt.Sprintf("[%d]byte", size), nil
	}
	return "", fmt.Errorf("%s is %#x, which is no id of a register", r.c, r.id)
}

// leaf is a number within a struct.
type leaf struct {
	path  string
	bytes int
}

// leaves returns the numbers that a struct consists of, without padding and
// pointers, wherever the headers define it.
func (c *compiler) leaves(ctx context.Context, tag string) ([]leaf, error) {
	t, err := c.structType(ctx, tag)
	if err != nil {
		return nil, err
	}
	var list []leaf
	var walk func(path string, t ctype)
	walk = func(path string, t ctype) {
		switch t := t.(type) {
		case scalar:
			if !t.pointer && bits.OnesCount(uint(t.bytes)) == 1 {
				list = append(list, leaf{path, t.bytes})
			}
		case array:
			for i := range max(t.count, 0) {
				walk(fmt.Sprintf("%s[%d]", path, i), t.elem)
			}
		case *record:
			for _, m := range t.members {
				if !paddingName.MatchString(m.name) {
					walk(strings.TrimPrefix(path+"."+m.name, "."), m.typ)
				}
			}
		}
	}
	walk("", t)
	return list, nil
}

// structType looks a struct up in the debug information, in any header.
func (c *compiler) structType(ctx context.Context, tag string) (ctype, error) {
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
	r := &dwarfReader{data: data, records: map[string]*record{}, facts: &facts{}, places: map[string]declared{}}
	for entries := data.Reader(); ; {
		e, err := entries.Next()
		if err != nil {
			return nil, err
		}
		if e == nil {
			return nil, fmt.Errorf("there is no struct %s", tag)
		}
		if name, _ := e.Val(dwarf.AttrName).(string); e.Tag == dwarf.TagStructType && name == tag {
			t, err := data.Type(e.Offset)
			if err != nil {
				return nil, err
			}
			return r.convert(t)
		}
	}
}

// registerFile writes the ids of an architecture and their names by id.
func registerFile(f *facts) (*source, error) {
	arch := f.target.goarch
	s := &source{name: "zreg_linux_" + arch + ".go", goarch: arch}
	if len(f.registers)+len(f.regValues) > 0 {
		s.printf("const (\n")
	}
	for i, r := range f.registers {
		typ, err := r.valueType()
		if err != nil {
			return nil, err
		}
		if i > 0 && !sameFamily(f.registers[i-1], r) {
			s.printf("\n")
		}
		s.printf("%s RegID[%s] = %#x // %s\n", r.golang, typ, r.id, r.c)
	}
	for _, k := range f.regValues {
		s.printf("\n%s = %s // %s\n", k.golang, k.text, k.c)
	}
	if len(f.registers)+len(f.regValues) > 0 {
		s.printf(")\n")
	}
	s.printf("\n// regNames are the registers with a name of their own, by id.\nvar regNames = []regName{\n")
	byID := slices.Clone(f.registers)
	slices.SortStableFunc(byID, func(a, b register) int { return cmp.Compare(a.id, b.id) })
	for _, r := range byID {
		s.printf("{%#x, %q},\n", r.id, r.c)
	}
	s.printf("}\n")
	return s, nil
}

// sameFamily puts registers in a block.
func sameFamily(a, b register) bool {
	name := func(r register) string { return r.expr[:max(0, strings.IndexAny(r.expr, "( |"))] }
	return name(a) == name(b)
}
