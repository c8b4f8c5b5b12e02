package main

import (
	"context"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// listMacros returns the object-like macros that the KVM headers define and that
// have a body, in their order, as the preprocessor reports them.
func (c *compiler) listMacros(ctx context.Context) ([]macro, error) {
	out, _, err := c.run(ctx, prelude, "-E", "-dD")
	if err != nil {
		return nil, err
	}
	var list []macro
	file := ""
	for line := range strings.Lines(out) {
		line = strings.TrimSuffix(line, "\n")
		if marker, ok := strings.CutPrefix(line, "# "); ok {
			if words := strings.SplitN(marker, " ", 3); len(words) >= 2 {
				file, _ = strconv.Unquote(words[1])
			}
			continue
		}
		definition, ok := strings.CutPrefix(line, "#define ")
		if !ok || !ours(file) {
			continue
		}
		// "#define NAME(args) body" has no space before the parenthesis.
		name, body, _ := strings.Cut(definition, " ")
		if strings.Contains(name, "(") || body == "" {
			continue
		}
		list = slices.DeleteFunc(list, func(m macro) bool { return m.name == name })
		list = append(list, macro{name: name, body: body})
	}
	return list, nil
}

// constants returns those of the macros that are integer constants, with their
// values, and the names of those that are not.
func (c *compiler) constants(ctx context.Context, list []macro) (found []macro, rest []string, err error) {
	broken, err := c.notIntegers(ctx, list)
	if err != nil {
		return nil, nil, err
	}
	for i, m := range list {
		if broken[i] {
			rest = append(rest, m.name)
		} else {
			found = append(found, m)
		}
	}
	plain, err := c.evaluate(ctx, found, "")
	if err != nil {
		return nil, nil, err
	}
	taken, err := c.evaluate(ctx, found, takeApart)
	if err != nil {
		return nil, nil, err
	}
	for i := range found {
		found[i].value = plain[i]
		if taken[i] != plain[i] {
			found[i].ioctl = &request{number: plain[i].bits, size: taken[i].bits & 0xffff_ffff}
		}
	}
	return found, rest, nil
}

// notIntegers lets the compiler judge each macro on a line of its own.
func (c *compiler) notIntegers(ctx context.Context, list []macro) (map[int]bool, error) {
	var b strings.Builder
	b.WriteString(prelude)
	b.WriteString("#line 1 \"macros\"\n")
	for _, m := range list {
		// Class 1 is the integers, of which enumeration constants are. A
		// static assertion takes nothing but an integer constant expression.
		fmt.Fprintf(&b, "_Static_assert(__builtin_classify_type(%[1]s) == 1 && ((%[1]s) || 1), \"\");\n", m.name)
	}
	_, complaints, err := c.run(ctx, b.String(), "-fsyntax-only")
	broken := map[int]bool{}
	for line := range strings.Lines(complaints) {
		rest, ok := strings.CutPrefix(line, "macros:")
		if !ok || !strings.Contains(line, "error:") {
			continue
		}
		number, _, _ := strings.Cut(rest, ":")
		n, convErr := strconv.Atoi(number)
		if convErr != nil || n < 1 || n > len(list) {
			return nil, fmt.Errorf("cannot place the complaint %q", line)
		}
		broken[n-1] = true
	}
	if err != nil && len(broken) == 0 {
		return nil, err
	}
	return broken, nil
}

// takeApart makes an ioctl number's macro yield the size of its argument, with a
// mark in the high half that no ioctl number has.
const takeApart = `#undef _IOC
#define _IOC(dir, type, nr, size) (1ULL << 63 | (unsigned long long)(dir) << 60 | (unsigned long long)(nr) << 32 | (size))
`

// evaluate has the compiler put the values into a section of an object file.
func (c *compiler) evaluate(ctx context.Context, list []macro, extra string) ([]integer, error) {
	var b strings.Builder
	b.WriteString(prelude + extra)
	b.WriteString("struct value { unsigned long long bits, negative; };\n")
	b.WriteString("__attribute__((section(\".values\"), used)) const struct value values[] = {\n")
	for _, m := range list {
		fmt.Fprintf(&b, "{ (unsigned long long)(%[1]s), (%[1]s) < 0 },\n", m.name)
	}
	b.WriteString("};\n")
	path, err := c.object(ctx, b.String())
	if err != nil {
		return nil, err
	}
	f, err := elf.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	section := f.Section(".values")
	if section == nil || section.Size != uint64(16*len(list)) {
		return nil, fmt.Errorf("%s: the object file does not hold %d values", c.target.goarch, len(list))
	}
	data, err := section.Data()
	if err != nil {
		return nil, err
	}
	values := make([]integer, len(list))
	for i := range values {
		values[i] = readInteger(f.ByteOrder, data[16*i:])
	}
	return values, nil
}

func readInteger(order binary.ByteOrder, data []byte) integer {
	return integer{bits: order.Uint64(data), negative: order.Uint64(data[8:]) != 0}
}
