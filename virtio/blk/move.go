package blk

import (
	"errors"
	"sync"

	"linuxkvm/virtio"
)

// pieceSize is how much is moved at a time, whatever a request says.
const pieceSize = 128 << 10

type piece [pieceSize]byte

// pieces are the buffers between guest memory and the disk, one for each request
// that is worked on.
var pieces = sync.Pool{New: func() any { return new(piece) }}

// directSize is how much is moved at a time without such a buffer: between two parts
// it is seen whether the session has ended.
const directSize = 1 << 20

// direct is a Disk that moves bytes between a file and guest memory without a buffer
// of this process. The errors of what is no guest memory wrap virtio.ErrBroken.
type direct interface {
	readInto(b *virtio.Buffers, n int, off int64) (int, error)
	writeFrom(b *virtio.Buffers, n int, off int64) error
}

// in reads from the disk.
func (r *request) in() status {
	n := int64(r.chain.Writable.Size() - 1)
	off, ok := r.dev.span(r.sector, uint64(n))
	if !ok {
		return statusIOErr
	}
	if d, ok := r.dev.cfg.Disk.(direct); ok {
		return r.eachPart(off, n, directSize, func(n int, off int64) status {
			k, err := d.readInto(&r.chain.Writable, n, off)
			r.wrote += k
			return r.moved("read", off, n, err)
		})
	}
	return r.eachPart(off, n, pieceSize, r.readPiece)
}

func (r *request) readPiece(n int, off int64) status {
	p := r.buffer[:n]
	if err := readFull(r.dev.cfg.Disk, p, off); err != nil {
		return r.moved("read", off, n, err)
	}
	k, err := r.chain.Writable.Write(p)
	r.wrote += k
	return r.moved("read", off, n, err)
}

// out writes to the disk.
func (r *request) out() status {
	n := int64(r.chain.Readable.Left())
	off, ok := r.dev.span(r.sector, uint64(n))
	if !ok || r.dev.cfg.ReadOnly {
		return statusIOErr
	}
	size, step := int64(pieceSize), r.writePiece
	if d, ok := r.dev.cfg.Disk.(direct); ok {
		size, step = directSize, func(n int, off int64) status {
			return r.moved("write", off, n, d.writeFrom(&r.chain.Readable, n, off))
		}
	}
	if result := r.eachPart(off, n, size, step); result != statusOK {
		return result
	}
	return r.settle()
}

func (r *request) writePiece(n int, off int64) status {
	p := r.buffer[:n]
	if _, err := r.chain.Readable.Read(p); err != nil {
		return statusIOErr // not memory
	}
	return r.write(p, off)
}

func (r *request) write(p []byte, off int64) status {
	_, err := r.dev.cfg.Disk.WriteAt(p, off)
	return r.moved("write", off, len(p), err)
}

// moved is what a move has come to. A guest's own mistake is reported to nobody else.
func (r *request) moved(what string, off int64, n int, err error) status {
	switch {
	case err == nil:
		return statusOK
	case !errors.Is(err, virtio.ErrBroken):
		r.dev.report(what, off, int64(n), err)
	}
	return statusIOErr
}

// eachPart calls step for n bytes of the disk from off on, in parts of at most size,
// each when the guest's limit lets it pass. Between them it looks whether the session
// has ended.
func (r *request) eachPart(off, n, size int64, step func(n int, off int64) status) status {
	for n > 0 {
		k := min(n, size)
		if r.dev.throttle.Bytes(r.ctx, int(k)) != nil {
			return statusIOErr
		}
		if s := step(int(k), off); s != statusOK {
			return s
		}
		off, n = off+k, n-k
	}
	return statusOK
}
