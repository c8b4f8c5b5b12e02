package console

import "io"

// EscapeKey begins a command to the program instead of input for the guest.
const EscapeKey = 'A' & 0x1f // Ctrl-A

// readSize is how much is read at once.
const readSize = 256

// leaveKey after EscapeKey leaves the guest.
const leaveKey = 'x'

// Escape finds commands in what is typed. The zero value is ready.
//
// Ctrl-A x leaves; Ctrl-A Ctrl-A is one Ctrl-A for the guest; Ctrl-A and any
// other key are both for the guest, once that key is known.
type Escape struct {
	pending bool // an escape key was the last byte
}

// Filter appends to dst what of src is for the guest. After the command to leave
// it returns true and drops the rest.
func (e *Escape) Filter(dst, src []byte) (out []byte, leave bool) {
	for _, b := range src {
		switch {
		case !e.pending && b == EscapeKey:
			e.pending = true
			continue
		case e.pending && b == leaveKey:
			e.pending = false
			return dst, true
		case e.pending && b != EscapeKey:
			dst = append(dst, EscapeKey)
		}
		e.pending = false
		dst = append(dst, b)
	}
	return dst, false
}

// Flush appends the escape key that the input ended with, if it did.
func (e *Escape) Flush(dst []byte) []byte {
	if e.pending {
		e.pending = false
		dst = append(dst, EscapeKey)
	}
	return dst
}

// Reader takes the commands out of what is typed. It is for one goroutine.
type Reader struct {
	src   io.Reader
	leave func()

	escape Escape
	ready  []byte // for the guest, not read yet
	err    error  // what follows
	in     [readSize]byte
	out    [readSize + 1]byte // and an escape key kept from before
}

// NewReader returns a Reader of src that calls leave, once, when the user wants
// to leave the guest. It then reports the end of the input.
func NewReader(src io.Reader, leave func()) *Reader {
	return &Reader{src: src, leave: leave}
}

// Read reads what is for the guest.
func (r *Reader) Read(p []byte) (int, error) {
	for len(r.ready) == 0 && r.err == nil && len(p) > 0 {
		r.fill()
	}
	n := copy(p, r.ready)
	r.ready = r.ready[n:]
	if n == 0 {
		return 0, r.err
	}
	return n, nil
}

func (r *Reader) fill() {
	n, err := r.src.Read(r.in[:])
	out, leave := r.escape.Filter(r.out[:0], r.in[:n])
	if err != nil {
		out = r.escape.Flush(out)
	}
	r.ready, r.err = out, err
	if leave {
		r.err = io.EOF
		r.leave()
	}
}
