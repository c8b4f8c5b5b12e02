package x86

import (
	"errors"
	"fmt"
	"io"

	"linuxkvm/boot"
)

// errNoPVH marks the one refusal that Auto answers with the other way in.
var errNoPVH = errors.New("no PVH entry point")

// vmlinux is an ELF kernel as a stream, with what is known about it besides.
type vmlinux struct {
	r io.Reader
	// fileSize is the length of the stream, 0 if unknown.
	fileSize uint64
	// header is that of the bzImage around it, nil without one.
	header *Header
}

// loadPVH loads an ELF kernel for the PVH way in.
func loadPVH(m boot.Memory, c *Config, v vmlinux) (*Loaded, error) {
	if err := c.checkCmdline(v.header); err != nil {
		return nil, err
	}
	e, err := readELF(v.r)
	if err != nil {
		return nil, err
	}
	if need := e.fileSize(); v.fileSize != 0 && need > v.fileSize {
		return nil, truncated("ELF kernel", need, v.fileSize)
	}
	p, err := place(c.Layout, v.extent(e.span), c.Initrd, HoleAddr-1)
	if err != nil {
		return nil, err
	}
	notes, err := e.load(m, v.r, c.ZeroedRAM)
	if err != nil {
		return nil, err
	}
	entry, ok := pvhEntry(notes)
	if !ok {
		return nil, &boot.FormatError{Kind: boot.ErrUnsupported, Err: errNoPVH, What: "the ELF kernel cannot be started",
			Remedy: "build it with CONFIG_PVH=y or pass the bzImage instead"}
	}
	if !e.holds(entry) {
		return nil, corrupt("the PVH entry point %#x is outside the kernel's segments", entry)
	}
	return c.finish(m, p, ProtocolPVH, protectedEntry(entry, StartInfoAddr), v.header, func() error {
		return writeStartInfo(m, p, c)
	})
}

// extent widens the span of the segments to what the bzImage says the kernel
// needs from its start on.
func (v vmlinux) extent(span boot.Range) boot.Range {
	if v.header != nil && span.Start == v.header.PrefAddress {
		span.Size = max(span.Size, v.header.InitSize)
	}
	return span
}

// holds reports whether content of the file is loaded at addr, below 4 GiB.
func (e *elfImage) holds(addr uint64) bool {
	for _, s := range e.loads {
		if addr >= s.paddr && addr-s.paddr < s.filesz {
			return addr < 1<<32
		}
	}
	return false
}

func (p Protocol) String() string {
	switch p {
	case ProtocolAuto:
		return "auto"
	case ProtocolPVH:
		return "pvh"
	case ProtocolLinux64:
		return "linux64"
	}
	return fmt.Sprintf("protocol %d", uint8(p))
}
