package payload

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"io"

	"github.com/ulikunitz/xz/lzma"
)

// The library behind this file decodes LZMA2 but refuses the x86 branch filter
// (BCJ) that every x86 kernel's xz payload is built with. So the container is
// read here, and the filter undone here; the library sees only LZMA2.

const (
	xzFilterX86   = 0x04
	xzFilterLZMA2 = 0x21

	xzHeaderSize   = 12
	xzMaxFilters   = 4
	xzMultibyteMax = 9
)

// xzReader reads the first stream of an xz file, block after block.
type xzReader struct {
	src   *countingReader
	limit int64
	check byte
	block io.Reader // of the current block, nil between blocks
	sum   hash.Hash
	start int64 // of the current block's data, in src
}

func newXZ(src io.Reader, limit int64) (io.Reader, error) {
	r := &xzReader{src: &countingReader{r: bufio.NewReaderSize(src, 64<<10)}, limit: limit}
	var h [xzHeaderSize]byte
	if _, err := io.ReadFull(r.src, h[:]); err != nil {
		return nil, err
	}
	if Identify(h[:]) != XZ || h[6] != 0 || h[7] > 15 {
		return nil, fmt.Errorf("%w: bad xz stream header", ErrCorrupt)
	}
	if crc32.ChecksumIEEE(h[6:8]) != binary.LittleEndian.Uint32(h[8:]) {
		return nil, fmt.Errorf("%w: xz stream header checksum", ErrCorrupt)
	}
	r.check = h[7]
	return r, nil
}

// checkSize is the length of a block's check, by the number in the header.
func (r *xzReader) checkSize() int {
	return [...]int{0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64}[r.check]
}

func (r *xzReader) newSum() hash.Hash {
	switch r.check {
	case 1:
		return crc32.NewIEEE()
	case 4:
		return crc64.New(crc64.MakeTable(crc64.ECMA))
	}
	return nil // none, or one the kernel's decoder does not check either
}

func (r *xzReader) Read(p []byte) (int, error) {
	for {
		if r.block == nil {
			if err := r.nextBlock(); err != nil {
				return 0, err
			}
		}
		n, err := r.block.Read(p)
		if r.sum != nil {
			r.sum.Write(p[:n])
		}
		if err == io.EOF {
			err = r.endBlock()
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// nextBlock reads a block header; the index, where the header size is 0, is the end.
func (r *xzReader) nextBlock() error {
	size, err := r.src.ReadByte()
	if err != nil {
		return unexpected(err)
	}
	if size == 0 {
		return io.EOF
	}
	h := make([]byte, (int(size)+1)*4)
	h[0] = size
	if _, err := io.ReadFull(r.src, h[1:]); err != nil {
		return unexpected(err)
	}
	n := len(h) - 4
	if crc32.ChecksumIEEE(h[:n]) != binary.LittleEndian.Uint32(h[n:]) {
		return fmt.Errorf("%w: xz block header checksum", ErrCorrupt)
	}
	filters, err := parseXZBlock(h[1:n])
	if err != nil {
		return err
	}
	return r.openBlock(filters)
}

// xzFilters is a filter chain this package knows: LZMA2, before it x86 or not.
type xzFilters struct {
	dict int64
	x86  bool
	pos  uint32 // the x86 filter's start position
}

// parseXZBlock reads the part of a block header between its size and its checksum.
func parseXZBlock(h []byte) (xzFilters, error) {
	var f xzFilters
	b := bytes.NewReader(h[1:])
	flags := h[0]
	for _, present := range []byte{0x40, 0x80} { // compressed and uncompressed size
		if flags&present != 0 {
			if _, err := xzNumber(b); err != nil {
				return f, err
			}
		}
	}
	count := int(flags&(xzMaxFilters-1)) + 1
	for i := range count {
		id, err := xzNumber(b)
		if err != nil {
			return f, err
		}
		props, err := xzProperties(b)
		if err != nil {
			return f, err
		}
		if err := f.add(id, props, i == count-1); err != nil {
			return f, err
		}
	}
	return f, nil
}

func (f *xzFilters) add(id uint64, props []byte, last bool) error {
	switch {
	case id == xzFilterLZMA2 && last && len(props) == 1 && props[0] <= 40:
		f.dict = xzDict(props[0])
	case id == xzFilterX86 && !last && !f.x86 && len(props) == 0:
		f.x86 = true
	case id == xzFilterX86 && !last && !f.x86 && len(props) == 4:
		f.x86, f.pos = true, binary.LittleEndian.Uint32(props)
	default:
		return fmt.Errorf("%w: xz filter %#x", ErrUnsupported, id)
	}
	return nil
}

// xzDict decodes the dictionary size: a mantissa bit and an exponent.
func xzDict(b byte) int64 {
	if b == 40 {
		return 1<<32 - 1
	}
	return int64(2|b&1) << (b/2 + 11)
}

func xzProperties(b *bytes.Reader) ([]byte, error) {
	n, err := xzNumber(b)
	if err != nil {
		return nil, err
	}
	if n > uint64(b.Len()) {
		return nil, fmt.Errorf("%w: xz filter properties", ErrCorrupt)
	}
	p := make([]byte, n)
	_, err = io.ReadFull(b, p)
	return p, err
}

// xzNumber reads the container's variable-length integer.
func xzNumber(b io.ByteReader) (uint64, error) {
	var v uint64
	for i := range xzMultibyteMax {
		c, err := b.ReadByte()
		if err != nil {
			return 0, unexpected(err)
		}
		v |= uint64(c&0x7f) << (7 * i)
		if c&0x80 == 0 {
			return v, nil
		}
	}
	return 0, fmt.Errorf("%w: xz number", ErrCorrupt)
}

func (r *xzReader) openBlock(f xzFilters) error {
	r.start = r.src.n
	d, err := lzma.Reader2Config{DictCap: dictLimit(f.dict, r.limit)}.NewReader2(r.src)
	if err != nil {
		return err
	}
	r.block, r.sum = d, r.newSum()
	if f.x86 {
		r.block = &x86Filter{src: d, ip: f.pos}
	}
	return nil
}

// endBlock skips the padding to a multiple of four and compares the check.
func (r *xzReader) endBlock() error {
	pad := int(-(r.src.n - r.start) & 3)
	b := make([]byte, pad+r.checkSize())
	if _, err := io.ReadFull(r.src, b); err != nil {
		return unexpected(err)
	}
	if r.sum != nil && !sumEqual(r.sum, b[pad:]) {
		return fmt.Errorf("%w: xz block checksum", ErrCorrupt)
	}
	r.block = nil
	return nil
}

// sumEqual compares with a checksum that is stored with the low byte first.
func sumEqual(h hash.Hash, stored []byte) bool {
	s := h.Sum(nil)
	for i := range s {
		if s[len(s)-1-i] != stored[i] {
			return false
		}
	}
	return true
}

// countingReader knows its position. It is an io.ByteReader, so that the LZMA2
// decoder reads no further than its end mark.
type countingReader struct {
	r *bufio.Reader
	n int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

func (c *countingReader) ReadByte() (byte, error) {
	b, err := c.r.ReadByte()
	if err == nil {
		c.n++
	}
	return b, err
}
