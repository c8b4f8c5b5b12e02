package x86

import (
	"encoding/binary"

	"linuxkvm/boot"
)

// Offsets in boot_params outside the setup header.
const (
	offRSDP        = 0x070
	offE820Entries = 0x1e8
	offE820Table   = 0x2d0
)

// loaderUndefined is the type_of_loader of a loader without an assigned number.
const loaderUndefined = 0xff

// writeZeroPage writes boot_params: the kernel's own setup header with the
// loader's answers, the memory map and the RSDP address.
func writeZeroPage(m boot.Memory, h *Header, p *placement, c *Config) error {
	le := binary.LittleEndian
	b := make([]byte, PageSize)
	copy(b[offSetupSects:], h.raw)
	b[offTypeOfLoader] = loaderUndefined
	le.PutUint32(b[offRamdiskImage:], uint32(p.initrd.Start))
	le.PutUint32(b[offRamdiskSize:], uint32(p.initrd.Size))
	le.PutUint32(b[offCmdLinePtr:], CmdlineAddr)
	le.PutUint64(b[offRSDP:], c.RSDP)
	e820 := c.Layout.Map()
	b[offE820Entries] = byte(len(e820))
	putE820(b[offE820Table:], e820)
	return boot.Write(m, ZeroPageAddr, b)
}
