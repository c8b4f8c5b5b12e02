package payload

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/pierrec/lz4/v4"
)

const (
	lz4Magic = 0x184c2102
	// lz4Block is the uncompressed size of every block but the last.
	lz4Block = 8 << 20
)

// lz4Bound is the largest compressed size a block of lz4Block bytes can have.
var lz4Bound = uint32(lz4.CompressBlockBound(lz4Block))

// lz4Reader reads the legacy frame: a magic number, then blocks of a 32-bit size
// and that many bytes. The frame has no end mark: it ends with the input, or,
// in a kernel, with the 32-bit uncompressed size that the build appends.
type lz4Reader struct {
	src  *bufio.Reader
	in   []byte
	out  []byte // the buffer of a block
	rest []byte // of out, not yet read
	done uint64
	last bool
}

func newLZ4(src io.Reader) (io.Reader, error) {
	var m [4]byte
	if _, err := io.ReadFull(src, m[:]); err != nil {
		return nil, err
	}
	if binary.LittleEndian.Uint32(m[:]) != lz4Magic {
		return nil, fmt.Errorf("%w: an lz4 frame that is not of the legacy kind", ErrUnsupported)
	}
	return &lz4Reader{src: bufio.NewReaderSize(src, 64<<10)}, nil
}

func (r *lz4Reader) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		if err := r.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// next decompresses the next block.
func (r *lz4Reader) next() error {
	n, err := r.blockSize()
	if err != nil {
		return err
	}
	if r.out == nil {
		r.out = make([]byte, lz4Block)
	}
	r.in = grow(r.in, n)
	if _, err := io.ReadFull(r.src, r.in); err != nil {
		return unexpected(err)
	}
	got, err := lz4.UncompressBlock(r.in, r.out)
	if err != nil {
		return err
	}
	r.rest, r.last = r.out[:got], got < lz4Block
	r.done += uint64(got)
	return nil
}

// blockSize returns the compressed size of the next block, or io.EOF at the end.
func (r *lz4Reader) blockSize() (uint32, error) {
	for {
		var b [4]byte
		switch _, err := io.ReadFull(r.src, b[:]); {
		case err == io.EOF:
			return 0, io.EOF
		case err != nil:
			return 0, unexpected(err)
		}
		n := binary.LittleEndian.Uint32(b[:])
		switch {
		case n == lz4Magic: // a frame appended to a frame
			r.last = false
			continue
		case r.appendedLength(n):
			return 0, io.EOF
		case n > lz4Bound || r.last:
			return 0, fmt.Errorf("%w: lz4 block of %d bytes where at most %d are possible", ErrCorrupt, n, lz4Bound)
		}
		return n, nil
	}
}

// appendedLength reports whether n, where the size of a block may be, is the
// length of all the data instead. Behind a full block it can look like a size;
// then it is the length if the input ends with it.
func (r *lz4Reader) appendedLength(n uint32) bool {
	if uint64(n) != r.done&0xffffffff || r.done == 0 {
		return false
	}
	if r.last || n > lz4Bound {
		return true
	}
	_, err := r.src.Peek(1)
	return err == io.EOF
}

func grow(b []byte, n uint32) []byte {
	if uint32(cap(b)) < n {
		// The bound of lz4Block limits n, so this is no declared size trusted.
		return make([]byte, n)
	}
	return b[:n]
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
