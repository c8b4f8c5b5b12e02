package blk

import "sync"

// pieceSize is how much is moved at a time, whatever a request says.
const pieceSize = 128 << 10

type piece [pieceSize]byte

// pieces are the buffers between guest memory and the disk, one for each request
// that is worked on.
var pieces = sync.Pool{New: func() any { return new(piece) }}

// in reads from the disk.
func (r *request) in() status {
	n := int64(r.chain.Writable.Size() - 1)
	off, ok := r.dev.span(r.sector, uint64(n))
	if !ok {
		return statusIOErr
	}
	return r.eachPiece(off, n, func(p []byte, off int64) status {
		if err := readFull(r.dev.cfg.Disk, p, off); err != nil {
			r.dev.report("read", off, int64(len(p)), err)
			return statusIOErr
		}
		k, err := r.chain.Writable.Write(p)
		r.wrote += k
		if err != nil {
			return statusIOErr // not memory
		}
		return statusOK
	})
}

// out writes to the disk.
func (r *request) out() status {
	n := int64(r.chain.Readable.Left())
	off, ok := r.dev.span(r.sector, uint64(n))
	if !ok || r.dev.cfg.ReadOnly {
		return statusIOErr
	}
	result := r.eachPiece(off, n, func(p []byte, off int64) status {
		if _, err := r.chain.Readable.Read(p); err != nil {
			return statusIOErr // not memory
		}
		return r.write(p, off)
	})
	if result != statusOK {
		return result
	}
	return r.settle()
}

func (r *request) write(p []byte, off int64) status {
	if _, err := r.dev.cfg.Disk.WriteAt(p, off); err != nil {
		r.dev.report("write", off, int64(len(p)), err)
		return statusIOErr
	}
	return statusOK
}

// eachPiece calls step for n bytes of the disk from off on, in pieces, each when the
// guest's limit lets it pass. Between pieces it looks whether the session has ended.
func (r *request) eachPiece(off, n int64, step func(p []byte, off int64) status) status {
	for n > 0 {
		p := r.buffer[:min(n, pieceSize)]
		if r.dev.throttle.Bytes(r.ctx, len(p)) != nil {
			return statusIOErr
		}
		if s := step(p, off); s != statusOK {
			return s
		}
		off, n = off+int64(len(p)), n-int64(len(p))
	}
	return statusOK
}
