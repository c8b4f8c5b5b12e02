package x86

import (
	"encoding/binary"

	"linuxkvm/boot"
)

// hvm_start_info, version 1, and what it points to.
const (
	startInfoMagic   = 0x336ec578
	startInfoVersion = 1
	startInfoSize    = 56
	moduleAddr       = StartInfoAddr + 0x40
	moduleSize       = 32
	memmapAddr       = StartInfoAddr + 0x80
)

// writeStartInfo writes start_info with its module list (the initrd) and
// memory map into the page at StartInfoAddr.
func writeStartInfo(m boot.Memory, p *placement, c *Config) error {
	le := binary.LittleEndian
	b := make([]byte, PageSize)
	le.PutUint32(b[0:], startInfoMagic)
	le.PutUint32(b[4:], startInfoVersion)
	if !p.initrd.Empty() {
		le.PutUint32(b[12:], 1)
		le.PutUint64(b[16:], moduleAddr)
		mod := b[moduleAddr-StartInfoAddr:][:moduleSize]
		le.PutUint64(mod, p.initrd.Start)
		le.PutUint64(mod[8:], p.initrd.Size)
	}
	le.PutUint64(b[24:], CmdlineAddr)
	le.PutUint64(b[32:], c.RSDP)
	e820 := c.Layout.Map()
	le.PutUint64(b[40:], memmapAddr)
	le.PutUint32(b[48:], uint32(len(e820)))
	putMemmap(b[memmapAddr-StartInfoAddr:], e820)
	return boot.Write(m, StartInfoAddr, b)
}
