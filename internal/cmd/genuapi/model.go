package main

// What the compiler says about one architecture.
type facts struct {
	target    target
	bigEndian bool
	macros    []macro
	enums     []enumeration
	records   []*record // of the KVM headers, and those they reach
	registers []register
	regValues []constant // what the ids of registers are made of
}

// macro is an object-like macro that is an integer constant.
type macro struct {
	name  string
	body  string
	value integer
	ioctl *request // not nil if the macro is an ioctl number
}

// integer is a constant's value with the signedness of its type.
type integer struct {
	bits     uint64
	negative bool // bits is a negative number in two's complement
}

// request is an ioctl number taken apart.
type request struct {
	number uint64
	size   uint64 // of the argument, 0 if it has no struct
}

// enumeration is an enum of the KVM headers.
type enumeration struct {
	tag     string // empty for an anonymous one
	members []macro
}

// ctype is a C type: scalar, array or *record.
type ctype interface {
	size() int
	align() int
}

// scalar is a number, or a pointer.
type scalar struct {
	bytes   int
	signed  bool
	pointer bool
}

// array is an array; count is flexible for one without a length.
type array struct {
	elem  ctype
	count int
}

const flexible = -1

// record is a struct or a union.
type record struct {
	tag     string // without "struct"; empty for an anonymous one
	union   bool
	bytes   int
	members []member
}

// member is a member of a record; name is empty for an anonymous one.
type member struct {
	name   string
	offset int // bytes
	typ    ctype

	bitSize   int // 0 if it is no bit field
	bitOffset int // from the start of the record, as DWARF counts
}

func (s scalar) size() int  { return s.bytes }
func (s scalar) align() int { return min(s.bytes, 16) }

func (a array) size() int  { return max(a.count, 0) * a.elem.size() }
func (a array) align() int { return a.elem.align() }

func (r *record) size() int { return r.bytes }

// align holds because none of these structs is packed, which the layout proves:
// it would not add up otherwise.
func (r *record) align() int {
	align := 1
	for _, m := range r.members {
		align = max(align, m.typ.align())
	}
	return align
}
