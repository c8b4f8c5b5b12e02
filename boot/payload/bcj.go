package payload

import (
	"encoding/binary"
	"io"
)

// x86Filter undoes the x86 branch filter. The filter replaced the relative
// operand of CALL (E8) and JMP (E9) by the absolute one, so that calls of one
// function look alike, wherever that operand's top byte was 00 or FF, that is
// wherever the branch was short. It skipped opcodes that seem to be part of
// another branch's operand, by looking at the bytes passed since the last opcode.
type x86Filter struct {
	src  io.Reader
	ip   uint32 // position of buf[0] in the filtered data
	mask uint32 // which of the last bytes were opcode bytes left alone
	mem  []byte // of x86Chunk bytes
	buf  []byte // what of mem is not yet given out
	n    int    // buf[:n] is undone
	err  error
}

const (
	x86Chunk  = 64 << 10
	x86Branch = 5 // bytes of an opcode with its operand
)

func (f *x86Filter) Read(p []byte) (int, error) {
	if f.n == 0 {
		f.fill()
	}
	if f.n == 0 {
		return 0, f.err
	}
	n := copy(p, f.buf[:f.n])
	f.buf = f.buf[n:]
	f.n -= n
	f.ip += uint32(n)
	return n, nil
}

// fill reads a chunk behind the bytes that were left over and undoes it. The
// last four bytes of the data are never a whole branch and pass unchanged.
func (f *x86Filter) fill() {
	if f.mem == nil {
		f.mem = make([]byte, x86Chunk)
	}
	b := f.mem[:copy(f.mem, f.buf)]
	for f.err == nil && len(b) < x86Branch {
		var n int
		n, f.err = f.src.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
	}
	f.buf = b
	if f.err == io.EOF && len(b) < x86Branch {
		f.n = len(b)
		return
	}
	if f.err != nil && f.err != io.EOF {
		return
	}
	f.n = f.undo(b)
}

// operandOpen says, for the three bytes before an opcode, whether the opcode may
// start a branch: which of them were opcodes left alone decides it.
var operandOpen = [8]bool{true, true, true, false, true}

// operandShift says which byte of the operand must be looked at again.
var operandShift = [8]uint{0, 1, 2, 2, 3, 3, 3, 3}

func signByte(b byte) bool { return b == 0 || b == 0xff }

// undo converts in place and returns how many bytes are final.
func (f *x86Filter) undo(b []byte) int {
	i, last := 0, -1
	mask := f.mask
	for ; i+x86Branch <= len(b); i++ {
		if b[i]&0xfe != 0xe8 {
			continue
		}
		mask = shiftMask(mask, i-last)
		last = i
		if mask != 0 && (!operandOpen[mask] || signByte(b[i+x86Branch-1-int(operandShift[mask])])) {
			mask = mask<<1 | 1
			continue
		}
		if !signByte(b[i+4]) {
			mask = mask<<1 | 1
			continue
		}
		f.relocate(b, i, mask)
		i += x86Branch - 1
		last, mask = i, 0
	}
	f.mask = shiftMask(mask, i-last)
	return i
}

// shiftMask ages the mask by the distance from the last opcode, in bytes.
func shiftMask(mask uint32, distance int) uint32 {
	if distance > 3 {
		return 0
	}
	return mask << (distance - 1) & 7
}

// relocate turns the absolute operand at b[i+1:] into a relative one.
func (f *x86Filter) relocate(b []byte, i int, mask uint32) {
	v := binary.LittleEndian.Uint32(b[i+1:])
	next := f.ip + uint32(i) + x86Branch
	for {
		rel := v - next
		if mask == 0 {
			v = rel
			break
		}
		shift := operandShift[mask] * 8
		if !signByte(byte(rel >> (24 - shift))) {
			v = rel
			break
		}
		v = rel ^ (1<<(32-shift) - 1)
	}
	top := byte(0)
	if v&(1<<24) != 0 {
		top = 0xff
	}
	binary.LittleEndian.PutUint32(b[i+1:], v&0xffffff|uint32(top)<<24)
}
