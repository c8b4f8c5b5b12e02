package x86

import (
	"errors"
	"fmt"
	"io"

	"linuxkvm/boot"
	"linuxkvm/boot/payload"
)

// loadBzImage starts a bzImage the way the protocol asks for.
func loadBzImage(m boot.Memory, c *Config) (*Loaded, error) {
	h, err := ReadHeader(c.Kernel)
	if err != nil {
		return nil, err
	}
	if c.Protocol == ProtocolLinux64 {
		return loadLinux64(m, c, h)
	}
	format, err := h.payloadFormat(c.Kernel)
	if err != nil {
		return nil, err
	}
	if c.Protocol == ProtocolAuto && !format.Fast() {
		return loadLinux64(m, c, h)
	}
	l, err := loadExtracted(m, c, h, format)
	if c.Protocol == ProtocolAuto && (errors.Is(err, errNoPVH) || errors.Is(err, payload.ErrUnsupported)) {
		return loadLinux64(m, c, h)
	}
	return l, err
}

// loadExtracted decompresses the payload straight into guest memory.
func loadExtracted(m boot.Memory, c *Config, h *Header, format payload.Format) (*Loaded, error) {
	r, err := h.open(c.Kernel, format)
	if err != nil {
		return nil, err
	}
	l, err := loadPVH(m, c, vmlinux{r: r, header: h})
	if err = errors.Join(err, r.Close()); err != nil {
		return nil, h.payloadError(format, err)
	}
	l.Extracted = format
	return l, nil
}

// payloadFormat looks at the first bytes of the payload.
func (h *Header) payloadFormat(img boot.Image) (payload.Format, error) {
	head := make([]byte, min(16, h.PayloadSize))
	if _, err := img.ReadAt(head, int64(h.PayloadOffset)); err != nil && err != io.EOF {
		return payload.Unknown, err
	}
	return payload.Identify(head), nil
}

// open returns a reader of the decompressed payload. A kernel never decompresses
// to more than it says it needs to run.
func (h *Header) open(img boot.Image, format payload.Format) (io.ReadCloser, error) {
	src := io.NewSectionReader(img, int64(h.PayloadOffset), int64(h.PayloadSize))
	r, err := payload.NewReader(format, src, int64(h.InitSize))
	if err != nil {
		return nil, h.payloadError(format, err)
	}
	return r, nil
}

// payloadError gives decompression failures the errors of package boot.
func (h *Header) payloadError(format payload.Format, err error) error {
	wrap := func(kind error, remedy string) error {
		return &boot.FormatError{Kind: kind, Err: err, Remedy: remedy,
			What: fmt.Sprintf("the bzImage's payload (%v, %d bytes at offset %#x) cannot be extracted", format, h.PayloadSize, h.PayloadOffset)}
	}
	switch {
	case errors.Is(err, payload.ErrUnsupported):
		return wrap(boot.ErrUnsupported, "let the guest decompress it (protocol linux64)")
	case errors.Is(err, payload.ErrCorrupt), errors.Is(err, payload.ErrTooLarge):
		return wrap(boot.ErrCorrupt, "fetch or build it again")
	}
	return err
}

// ExtractVmlinux returns a reader of the ELF file inside a bzImage and the
// format it is compressed with. The bytes are decompressed as they are read;
// behind the ELF file the kernel's relocation table may follow. The image must
// stay open until Close.
func ExtractVmlinux(img boot.Image) (io.ReadCloser, payload.Format, error) {
	h, err := ReadHeader(img)
	if err != nil {
		return nil, payload.Unknown, err
	}
	format, err := h.payloadFormat(img)
	if err != nil {
		return nil, payload.Unknown, err
	}
	r, err := h.open(img, format)
	if err != nil {
		return nil, format, err
	}
	return r, format, nil
}

// loadLinux64 loads the image as it is and enters it in long mode.
func loadLinux64(m boot.Memory, c *Config, h *Header) (*Loaded, error) {
	if err := c.checkCmdline(h); err != nil {
		return nil, err
	}
	kernel, err := h.extent()
	if err != nil {
		return nil, err
	}
	p, err := place(c.Layout, kernel, c.Initrd, uint64(h.InitrdMax))
	if err != nil {
		return nil, err
	}
	src := io.NewSectionReader(c.Kernel, int64(h.SetupSize), int64(h.SystemSize))
	if err := boot.Copy(m, kernel.Start, src, h.SystemSize); err != nil {
		return nil, err
	}
	return c.finish(m, p, ProtocolLinux64, longEntry(kernel.Start+entry64Offset, ZeroPageAddr), h, func() error {
		return errors.Join(writeIdentityMap(m), writeZeroPage(m, h, p, c))
	})
}

// extent returns the memory the kernel needs: InitSize bytes from its preferred
// address. A relocatable kernel loaded lower would still unpack itself at the
// preferred address, so there is nothing to gain elsewhere.
func (h *Header) extent() (boot.Range, error) {
	r := boot.Range{Start: h.PrefAddress, Size: h.InitSize}
	if h.Relocatable && r.Start%uint64(h.Alignment) != 0 {
		return r, corrupt("the bzImage's preferred address %#x is not aligned to %#x", r.Start, h.Alignment)
	}
	return r, nil
}
