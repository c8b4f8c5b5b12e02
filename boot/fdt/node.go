package fdt

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// Node is a node of a tree. Properties and children stand in the order in which
// they were first named.
type Node struct {
	name     string
	props    []property
	children []*Node
}

type property struct {
	name  string
	value []byte
}

// New returns the root of an empty tree.
func New() *Node { return &Node{} }

// Child returns the child of that name, which is made if it is not there: "cpus",
// or with an address "memory@40000000".
func (n *Node) Child(name string) *Node {
	for _, c := range n.children {
		if c.name == name {
			return c
		}
	}
	c := &Node{name: name}
	n.children = append(n.children, c)
	return c
}

// At is Child for a node with a unit address, in hex as the specification wants it.
func (n *Node) At(name string, address uint64) *Node {
	return n.Child(fmt.Sprintf("%s@%x", name, address))
}

// Set gives a property a value as it stands; a property of that name is replaced.
// value is copied.
func (n *Node) Set(name string, value []byte) *Node {
	value = slices.Clone(value)
	for i := range n.props {
		if n.props[i].name == name {
			n.props[i].value = value
			return n
		}
	}
	n.props = append(n.props, property{name, value})
	return n
}

// Flag sets a property without a value: its being there is what counts.
func (n *Node) Flag(name string) *Node { return n.Set(name, nil) }

// Uint32 sets a property to cells.
func (n *Node) Uint32(name string, cells ...uint32) *Node {
	var b []byte
	for _, c := range cells {
		b = binary.BigEndian.AppendUint32(b, c)
	}
	return n.Set(name, b)
}

// Uint64 sets a property to numbers of two cells each.
func (n *Node) Uint64(name string, numbers ...uint64) *Node {
	var b []byte
	for _, v := range numbers {
		b = binary.BigEndian.AppendUint64(b, v)
	}
	return n.Set(name, b)
}

// Text sets a property to one string or a list of them.
func (n *Node) Text(name string, list ...string) *Node {
	var b []byte
	for _, s := range list {
		b = append(append(b, s...), 0)
	}
	return n.Set(name, b)
}
