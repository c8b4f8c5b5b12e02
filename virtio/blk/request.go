package blk

import (
	"context"
	"encoding/binary"

	"linuxkvm/virtio"
)

// Types of requests (section 5.2.6).
const (
	typeIn          = 0
	typeOut         = 1
	typeFlush       = 4
	typeGetID       = 8
	typeDiscard     = 11
	typeWriteZeroes = 13
)

// status is what a request ends with.
type status byte

const (
	statusOK     status = 0
	statusIOErr  status = 1
	statusUnsupp status = 2
)

const headerSize = 16

// request is one of the guest's.
type request struct {
	dev     *Device
	ctx     context.Context
	through bool // each write is to last
	chain   *virtio.Chain
	sector  uint64
	wrote   int    // bytes of Writable, from its first on
	buffer  *piece // between guest memory and all else
}

// handle does a request and returns how many bytes of Writable are written, from the
// first on. It returns false if the session ended before the request did: then
// nobody waits for it any more.
func (d *Device) handle(s *virtio.Session, c *virtio.Chain) (int, bool) {
	r := request{dev: d, ctx: s.Context, chain: c, buffer: pieces.Get().(*piece)}
	defer pieces.Put(r.buffer)
	r.through = s.Features&featureFlush == 0 || s.Features&featureConfigWCE != 0 && !d.writeback.Load()
	result := r.do()
	if s.Context.Err() != nil {
		return 0, false
	}
	last := c.Writable.Size() - 1
	r.buffer[0] = byte(result)
	// Where that is not memory the guest does not learn of it, by its own doing.
	if _, err := c.Writable.WriteAt(r.buffer[:1], int64(last)); err == nil && r.wrote == last {
		r.wrote++
	}
	return r.wrote, true
}

// do does a request. The header is copied first, and looked at once.
func (r *request) do() status {
	header := r.buffer[:headerSize]
	if n, err := r.chain.Readable.Read(header); n < headerSize || err != nil {
		return statusIOErr
	}
	if r.dev.throttle.Op(r.ctx) != nil {
		return statusIOErr
	}
	r.sector = binary.LittleEndian.Uint64(header[8:])
	switch kind := binary.LittleEndian.Uint32(header); kind {
	case typeIn:
		return r.in()
	case typeOut:
		return r.out()
	case typeFlush:
		return r.flush()
	case typeGetID:
		return r.getID()
	case typeDiscard, typeWriteZeroes:
		return r.ranges(kind)
	}
	return statusUnsupp
}

// span checks n bytes from a sector on and returns their offset. Neither the
// product nor the sum can overflow: sectors are compared, and there are less than
// 2^54 of them.
func (d *Device) span(sector, n uint64) (int64, bool) {
	all := d.sectors.Load()
	if n%sectorSize != 0 || sector > all || n/sectorSize > all-sector {
		return 0, false
	}
	return int64(sector * sectorSize), true
}

func (r *request) getID() status {
	room := r.chain.Writable.Size() - 1
	n, err := r.chain.Writable.Write(r.dev.serial[:min(room, maxSerial)])
	r.wrote = n
	if err != nil {
		return statusIOErr
	}
	return statusOK
}

// flush makes writes last that were done before it.
func (r *request) flush() status {
	if r.dev.cfg.ReadOnly {
		return statusOK // there were none
	}
	if err := r.dev.cfg.Disk.Flush(); err != nil {
		r.dev.report("flush", 0, 0, err)
		return statusIOErr
	}
	return statusOK
}

// settle ends a request that changed the disk.
func (r *request) settle() status {
	if r.through {
		return r.flush()
	}
	return statusOK
}
