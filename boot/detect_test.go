package boot

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"linuxkvm/boot/payload"
)

func TestDetect(t *testing.T) {
	open := payload.None
	arm64 := page(map[int]string{0: "MZ", 0x38: "ARM\x64"})
	cases := []struct {
		name string
		b    []byte
		want Info
	}{
		{"bzImage", bzHead(0x20f, 1), Info{BzImage, AMD64, open}},
		{"32-bit bzImage", bzHead(0x20f, 0), Info{BzImage, I386, open}},
		{"old bzImage", bzHead(0x208, 0), Info{BzImage, AMD64, open}},
		{"vmlinux", elfHead(2, 1, 62), Info{ELF, AMD64, open}},
		{"vmlinux i386", elfHead(1, 1, 3), Info{ELF, I386, open}},
		{"vmlinux arm64", elfHead(2, 1, 183), Info{ELF, ARM64, open}},
		{"vmlinux arm", elfHead(1, 1, 40), Info{ELF, ARM, open}},
		{"vmlinux riscv64", elfHead(2, 1, 243), Info{ELF, RISCV64, open}},
		{"vmlinux riscv32", elfHead(1, 1, 243), Info{ELF, RISCV32, open}},
		{"vmlinux loongarch", elfHead(2, 1, 258), Info{ELF, LoongArch64, open}},
		{"vmlinux ppc64le", elfHead(2, 1, 21), Info{ELF, PPC64, open}},
		{"vmlinux ppc64", elfHead(2, 2, 21), Info{ELF, PPC64, open}},
		{"vmlinux s390x", elfHead(2, 2, 22), Info{ELF, S390X, open}},
		{"vmlinux mips", elfHead(2, 1, 8), Info{ELF, MIPS, open}},
		{"vmlinux of something", elfHead(2, 1, 9999), Info{ELF, UnknownArch, open}},
		{"arm64 Image", arm64, Info{FlatImage, ARM64, open}},
		{"arm64 Image without EFI", page(map[int]string{0x38: "ARM\x64"}), Info{FlatImage, ARM64, open}},
		{"riscv Image", page(map[int]string{0: "MZ", 0x30: "RISCV\x00", 0x38: "RSC\x05"}), Info{FlatImage, RISCV64, open}},
		{"loongarch Image", page(map[int]string{0: "MZ", 0x38: "\xcd\x23\x82\x81"}), Info{FlatImage, LoongArch64, open}},
		{"Image.gz", gzipped(t, arm64), Info{FlatImage, ARM64, payload.Gzip}},
		{"vmlinux.gz", gzipped(t, elfHead(2, 1, 62)), Info{ELF, AMD64, payload.Gzip}},
		{"riscv Image.gz", gzipped(t, page(map[int]string{0x38: "RSC\x05"})), Info{FlatImage, RISCV64, payload.Gzip}},
		{"bzImage.gz", gzipped(t, bzHead(0x20f, 1)), Info{BzImage, AMD64, payload.Gzip}},
		{"zboot arm64", zbootHead(0xaa64, "gzip"), Info{ZBoot, ARM64, payload.Gzip}},
		{"zboot riscv", zbootHead(0x5064, "zstd22"), Info{ZBoot, RISCV64, payload.Zstd}},
		{"zboot loongarch", zbootHead(0x6264, "lz4"), Info{ZBoot, LoongArch64, payload.LZ4}},
		{"zboot of something", zbootHead(1, "rar"), Info{ZBoot, UnknownArch, payload.Unknown}},
		{"EFI application", efiHead(0x8664), Info{EFI, AMD64, open}},
		{"EFI application i386", efiHead(0x14c), Info{EFI, I386, open}},
		{"EFI application arm", efiHead(0x1c2), Info{EFI, ARM, open}},
		{"EFI application riscv32", efiHead(0x5032), Info{EFI, RISCV32, open}},
		{"DOS program", page(map[int]string{0: "MZ", 0x3c: "\xff\xff\xff\xff"}), Info{EFI, UnknownArch, open}},
	}
	for _, c := range cases {
		got, err := Detect(bytes.NewReader(c.b))
		if err != nil || got != c.want {
			t.Errorf("%s: %v, %v; want %v", c.name, got, err, c.want)
		}
	}
}

func TestDetectRefusals(t *testing.T) {
	truncatedGzip := gzipped(t, elfHead(2, 1, 62))[:12]
	corruptGzip := gzipped(t, elfHead(2, 1, 62))
	for i := 10; i < len(corruptGzip); i++ {
		corruptGzip[i] = 0xff
	}
	cases := []struct {
		name string
		b    []byte
		kind error
		text string
	}{
		{"nothing", nil, ErrNotKernel, "empty"},
		{"a byte", []byte{0}, ErrNotKernel, "known format"},
		{"text", []byte("#!/bin/sh\necho hello\n"), ErrNotKernel, "text"},
		{"zeros", make([]byte, 8192), ErrNotKernel, "known format"},
		{"cpio", []byte("070701000000"), ErrNotKernel, "initramfs"},
		{"cpio with checksums", []byte("070702000000"), ErrNotKernel, "initramfs"},
		{"initrd", gzipped(t, []byte("070701000000")), ErrNotKernel, "initramfs"},
		{"text.gz", gzipped(t, []byte("hello")), ErrNotKernel, "decompressed with gzip"},
		{"nothing.gz", gzipped(t, nil), ErrNotKernel, "decompressed with gzip"},
		{"gzip twice", gzipped(t, gzipped(t, elfHead(2, 1, 62))), ErrNotKernel, "decompressed"},
		{"truncated gzip", truncatedGzip, ErrTruncated, "gzip"},
		{"corrupt gzip", corruptGzip, ErrCorrupt, "gzip"},
		{"lzo", []byte("\x89LZO\x00\r\n\x1a\n"), ErrUnsupported, "lzo"},
		{"qcow2", []byte("QFI\xfb\x00\x00\x00\x03"), ErrNotKernel, "qcow2"},
		{"deb", []byte("!<arch>\ndebian-binary"), ErrNotKernel, "Debian"},
		{"tar", page(map[int]string{0: "vmlinuz", 257: "ustar"}), ErrNotKernel, "tar"},
		{"boot sector", page(map[int]string{0: "\xeb\x3c", 510: "\x55\xaa"}), ErrNotKernel, "boot sector"},
		{"file system", page(map[int]string{0x438: "\x53\xef"}), ErrNotKernel, "ext"},
		{"devicetree", []byte("\xd0\x0d\xfe\xed"), ErrNotKernel, "devicetree"},
		{"short ELF", []byte("\x7fELF\x02\x01"), ErrTruncated, "6 bytes"},
		{"short EFI", efiHead(0x8664)[:1023], ErrTruncated, "1023 bytes"},
		{"short zboot", zbootHead(0x8664, "gzip")[:40], ErrTruncated, "40 bytes"},
	}
	for _, c := range cases {
		info, err := Detect(bytes.NewReader(c.b))
		if info != (Info{}) {
			t.Errorf("%s: found %v", c.name, info)
		}
		wantError(t, c.name, err, c.kind, c.text)
	}
	_, err := Detect(nil)
	wantError(t, "nil", err, ErrNotKernel, "no kernel")
}

// wantError checks the kind and that the message is one sentence with a remedy.
func wantError(t *testing.T, name string, err, kind error, text string) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("%s: %v, want %v", name, err, kind)
		return
	}
	if msg := err.Error(); !strings.Contains(msg, text) || strings.Contains(msg, "\n") || !strings.Contains(msg, ";") {
		t.Errorf("%s: message %q: want one sentence with %q and a remedy", name, msg, text)
	}
}

func TestCheckArch(t *testing.T) {
	if err := (Info{ELF, AMD64, payload.None}).Check(AMD64); err != nil {
		t.Error(err)
	}
	for a := UnknownArch; a <= MIPS; a++ {
		if a == AMD64 {
			continue
		}
		err := Info{FlatImage, a, payload.Gzip}.Check(AMD64)
		wantError(t, a.String(), err, ErrWrongArch, a.String())
		wantError(t, a.String(), err, ErrWrongArch, "pass an x86-64 kernel")
	}
	if s := Arch(99).String() + Format(99).String(); s != "arch 99format 99" {
		t.Errorf("%q", s)
	}
}

type brokenImage struct{ error }

func (b brokenImage) ReadAt([]byte, int64) (int, error) { return 0, b.error }
func (b brokenImage) Size() int64                       { return 100 }

func TestDetectReadError(t *testing.T) {
	broken := errors.New("disk failure")
	if _, err := Detect(brokenImage{broken}); !errors.Is(err, broken) || errors.Is(err, ErrNotKernel) {
		t.Errorf("%v", err)
	}
	if err := CompressionError(payload.Gzip, broken); !errors.Is(err, broken) || errors.Is(err, ErrCorrupt) {
		t.Errorf("CompressionError changed an error that is not payload's: %v", err)
	}
}
