package payload

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
)

// NewReader returns a reader of what src, a stream of format f, decompresses
// to. limit is the most bytes it may give: a read beyond fails with
// ErrTooLarge. Memory in use stays below twice limit plus 32 MiB, or below 160 MiB
// if that is more, whatever the stream declares. Bytes of src behind the stream
// are ignored.
//
// Errors wrap ErrUnsupported, ErrCorrupt or ErrTooLarge; io.ErrUnexpectedEOF is
// behind ErrCorrupt where src ended early. Errors of src itself come through.
// Close frees what the decoder holds; it does not close src.
func NewReader(f Format, src io.Reader, limit int64) (io.ReadCloser, error) {
	if limit < 0 {
		return nil, fmt.Errorf("payload: negative limit %d", limit)
	}
	s := &source{r: src}
	r, err := open(f, s, limit)
	if err != nil {
		return nil, s.blame(f, err)
	}
	return &reader{f: f, src: s, r: r, left: limit}, nil
}

func open(f Format, src io.Reader, limit int64) (io.Reader, error) {
	switch f {
	case None:
		return src, nil
	case Gzip:
		z, err := gzip.NewReader(bufio.NewReaderSize(src, 64<<10))
		if err != nil {
			return nil, err
		}
		z.Multistream(false)               // the kernel's build puts a length behind the stream
		return struct{ io.Reader }{z}, nil // its Close only repeats the last error
	case Bzip2:
		return newBzip2(src), nil
	case LZMA:
		return newLZMA(src, limit)
	case XZ:
		return newXZ(src, limit)
	case LZ4:
		return newLZ4(src)
	case Zstd:
		return newZstd(src, limit)
	}
	return nil, fmt.Errorf("%w: %v", ErrUnsupported, f)
}

// source remembers an error of the underlying reader, so that it is not taken
// for corruption of the stream.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

func (s *source) blame(f Format, err error) error {
	switch {
	case s.err != nil:
		return s.err
	case errors.Is(err, ErrUnsupported), errors.Is(err, ErrTooLarge), errors.Is(err, ErrCorrupt):
		return err
	case errors.Is(err, io.EOF):
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("%w (%v): %w", ErrCorrupt, f, err)
}

type reader struct {
	f    Format
	src  *source
	r    io.Reader
	left int64
}

func (r *reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if int64(len(p)) > r.left {
		p = p[:r.left+1] // one byte more shows that the limit is passed
	}
	n, err := r.r.Read(p)
	if int64(n) > r.left {
		n, r.left = int(r.left), 0
		return n, ErrTooLarge
	}
	r.left -= int64(n)
	if err != nil && err != io.EOF {
		err = r.src.blame(r.f, err)
	}
	return n, err
}

func (r *reader) Close() error {
	c, ok := r.r.(io.Closer)
	r.r = closedReader{}
	if ok {
		return c.Close()
	}
	return nil
}

type closedReader struct{}

func (closedReader) Read([]byte) (int, error) { return 0, io.ErrClosedPipe }
