package blk

import (
	"encoding/binary"
	"errors"
)

// A request to discard or to write zeros names ranges: sector, number of sectors,
// flags.
const (
	rangeSize  = 16
	rangeUnmap = 1 << 0
)

type span struct {
	off, n int64
	unmap  bool
}

// ranges discards, or writes zeros. No range is touched unless all are good.
func (r *request) ranges(kind uint32) status {
	d := r.dev
	if d.cfg.ReadOnly {
		return statusIOErr
	}
	if kind == typeDiscard && d.discarder == nil {
		return statusUnsupp
	}
	n := r.chain.Readable.Left()
	if n == 0 || n%rangeSize != 0 || n > maxRanges*rangeSize {
		return statusIOErr
	}
	raw := r.buffer[:n]
	if _, err := r.chain.Readable.Read(raw); err != nil {
		return statusIOErr
	}
	var spans [maxRanges]span
	count := n / rangeSize
	for i := range count {
		var s status
		if spans[i], s = d.decodeRange(kind, raw[i*rangeSize:]); s != statusOK {
			return s
		}
	}
	for _, s := range spans[:count] {
		if result := r.clear(kind, s); result != statusOK {
			return result
		}
	}
	return r.settle()
}

func (d *Device) decodeRange(kind uint32, b []byte) (span, status) {
	sector, count := binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint32(b[8:])
	flags := binary.LittleEndian.Uint32(b[12:])
	if flags&^rangeUnmap != 0 || kind == typeDiscard && flags != 0 {
		return span{}, statusUnsupp // section 5.2.6.2
	}
	off, ok := d.span(sector, uint64(count)*sectorSize)
	if !ok || count > maxRangeSectors {
		return span{}, statusIOErr
	}
	return span{off, int64(count) * sectorSize, flags&rangeUnmap != 0}, statusOK
}

// clear does one range.
func (r *request) clear(kind uint32, s span) status {
	if s.n == 0 {
		return statusOK
	}
	if r.dev.throttle.Op(r.ctx) != nil { // each range is one
		return statusIOErr
	}
	if kind == typeDiscard {
		// Who cannot need not: it is a hint.
		if err := r.dev.discarder.Discard(s.off, s.n); err != nil && !errors.Is(err, errors.ErrUnsupported) {
			r.dev.report("discard", s.off, s.n, err)
			return statusIOErr
		}
		return statusOK
	}
	return r.zero(s)
}

// zero writes zeros the quick way or, if there is none, the long one.
func (r *request) zero(s span) status {
	if z := r.dev.zeroes; z != nil {
		err := z.WriteZeroes(s.off, s.n, s.unmap)
		if err == nil {
			return statusOK
		}
		if !errors.Is(err, errors.ErrUnsupported) {
			r.dev.report("write of zeros", s.off, s.n, err)
			return statusIOErr
		}
	}
	return r.eachPart(s.off, s.n, pieceSize, func(n int, off int64) status {
		clear(r.buffer[:n])
		return r.write(r.buffer[:n], off)
	})
}
