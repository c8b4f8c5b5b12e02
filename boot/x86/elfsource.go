package x86

import (
	"errors"
	"io"

	"linuxkvm/boot"
	"linuxkvm/boot/payload"
)

// loadELF loads an ELF kernel given as a file of its own.
func loadELF(m boot.Memory, c *Config, info boot.Info) (*Loaded, error) {
	src := io.NewSectionReader(c.Kernel, 0, c.Kernel.Size())
	if info.Compression == payload.None {
		return loadPVH(m, c, vmlinux{r: src, fileSize: uint64(c.Kernel.Size())})
	}
	// An ELF file may be larger than the guest's RAM (symbols, debug data),
	// but what is read of it ends with the last segment.
	r, err := payload.NewReader(info.Compression, src, int64(c.Layout.Size()))
	if err != nil {
		return nil, boot.CompressionError(info.Compression, err)
	}
	l, err := loadPVH(m, c, vmlinux{r: r})
	if err = errors.Join(err, r.Close()); err != nil {
		return nil, boot.CompressionError(info.Compression, err)
	}
	return l, nil
}
