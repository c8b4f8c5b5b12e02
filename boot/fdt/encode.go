package fdt

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// The format's numbers.
const (
	magic       = 0xd00dfeed
	version     = 17
	lastVersion = 16 // the oldest one that a reader of which understands this
	headerSize  = 40
	reserveSize = 16 // of the entry of zeros that ends the reservations

	beginNode = 1
	endNode   = 2
	propToken = 3
	endTree   = 9
)

// MaxSize is the largest tree that arm64 and riscv64 kernels take, in bytes.
const MaxSize = 2 << 20

// Limits of the specification.
const (
	maxName  = 31
	maxDepth = 64 // of our own: nothing real is nearly as deep
)

// Encode returns the tree under n, which becomes the root, as a devicetree blob.
// It refuses names that the specification does not allow and trees beyond MaxSize.
func (n *Node) Encode() ([]byte, error) {
	e := encoder{strings: map[string]uint32{}}
	if n.name != "" {
		return nil, fmt.Errorf("fdt: node %q is not the root of its tree; encode the one that New returned", n.name)
	}
	if err := e.node(n, 0); err != nil {
		return nil, err
	}
	e.cell(endTree)
	return e.assemble()
}

// encoder holds the two growing blocks.
type encoder struct {
	structure []byte
	names     []byte
	strings   map[string]uint32 // offsets in names
}

func (e *encoder) cell(v uint32) { e.structure = binary.BigEndian.AppendUint32(e.structure, v) }

func (e *encoder) pad() {
	for len(e.structure)%4 != 0 {
		e.structure = append(e.structure, 0)
	}
}

func (e *encoder) node(n *Node, depth int) error {
	if err := checkNode(n, depth); err != nil {
		return err
	}
	e.cell(beginNode)
	e.structure = append(append(e.structure, n.name...), 0)
	e.pad()
	for _, p := range n.props {
		if err := e.property(p); err != nil {
			return fmt.Errorf("%w (in node %q)", err, n.name)
		}
	}
	for _, c := range n.children {
		if err := e.node(c, depth+1); err != nil {
			return err
		}
	}
	e.cell(endNode)
	return nil
}

func (e *encoder) property(p property) error {
	if !validName(p.name, "#?-,._+") {
		return fmt.Errorf("fdt: %q cannot be the name of a property: want 1 to %d letters, digits and #?-,._+", p.name, maxName)
	}
	if len(p.value) > MaxSize {
		return fmt.Errorf("fdt: property %s has %d bytes and a whole tree has at most %d", p.name, len(p.value), MaxSize)
	}
	e.cell(propToken)
	e.cell(uint32(len(p.value)))
	e.cell(e.nameOffset(p.name))
	e.structure = append(e.structure, p.value...)
	e.pad()
	return nil
}

// nameOffset puts a property's name among the strings, each of them once.
func (e *encoder) nameOffset(name string) uint32 {
	off, known := e.strings[name]
	if !known {
		off = uint32(len(e.names))
		e.strings[name] = off
		e.names = append(append(e.names, name...), 0)
	}
	return off
}

// assemble puts header, reservations (none), structure and strings together.
func (e *encoder) assemble() ([]byte, error) {
	structure := headerSize + reserveSize
	names := structure + len(e.structure)
	total := names + len(e.names)
	if total > MaxSize {
		return nil, fmt.Errorf("fdt: the tree has %d bytes and kernels take at most %d", total, MaxSize)
	}
	b := make([]byte, 0, total)
	for _, v := range []int{
		magic, total, structure, names, headerSize, version, lastVersion, 0, len(e.names), len(e.structure),
	} {
		b = binary.BigEndian.AppendUint32(b, uint32(v))
	}
	b = append(b, make([]byte, reserveSize)...)
	b = append(b, e.structure...)
	return append(b, e.names...), nil
}

func checkNode(n *Node, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("fdt: the tree is deeper than %d nodes at %q", maxDepth, n.name)
	}
	if depth == 0 {
		return nil // the root has no name
	}
	name, address, hasAddress := strings.Cut(n.name, "@")
	if !validName(name, ",._+-") || hasAddress && !validName(address, ",._+-") {
		return fmt.Errorf("fdt: %q cannot be the name of a node: want 1 to %d letters, digits and ,._+- and perhaps @ and an address", n.name, maxName)
	}
	return nil
}

func validName(s, punctuation string) bool {
	if s == "" || len(s) > maxName {
		return false
	}
	for i := range len(s) {
		c := s[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && strings.IndexByte(punctuation, c) < 0 {
			return false
		}
	}
	return true
}
