package boot

import "fmt"

// mistakes are files that people pass for a kernel, by their magic numbers.
var mistakes = []struct {
	off          int
	magic        string
	what, remedy string
}{
	{0, "070701", "an initramfs (cpio archive)", "pass it as the initrd and a kernel as the kernel"},
	{0, "070702", "an initramfs (cpio archive)", "pass it as the initrd and a kernel as the kernel"},
	{0, "QFI\xfb", "a qcow2 disk image", "extract the kernel from it"},
	{0, "KDMV", "a VMDK disk image", "extract the kernel from it"},
	{0, "hsqs", "a squashfs file system", "extract the kernel from it"},
	{0, "\x27\x05\x19\x56", "a U-Boot uImage", "pass the kernel inside it"},
	{0, "\xd0\x0d\xfe\xed", "a devicetree or FIT image", "pass the kernel itself"},
	{0, "!<arch>\n", "an archive, perhaps a Debian package", "pass the vmlinuz inside it"},
	{0, "\xed\xab\xee\xdb", "an RPM package", "pass the vmlinuz inside it"},
	{0, "PK\x03\x04", "a zip archive", "pass the kernel inside it"},
	{257, "ustar", "a tar archive", "pass the kernel inside it"},
	{0x438, "\x53\xef", "an ext file system", "extract the kernel from it"},
	{510, "\x55\xaa", "a disk image or boot sector", "extract the kernel from it"},
}

// notKernel says what the file seems to be instead.
func notKernel(b []byte, subject string) error {
	for _, m := range mistakes {
		if hasAt(b, m.off, m.magic) {
			return &FormatError{Kind: ErrNotKernel, What: fmt.Sprintf("%s is %s, not a kernel", subject, m.what), Remedy: m.remedy}
		}
	}
	const remedy = "pass a bzImage (vmlinuz), an ELF vmlinux or an Image"
	if len(b) > 0 && isText(b) {
		return &FormatError{Kind: ErrNotKernel, What: fmt.Sprintf("%s is text, not a kernel", subject), Remedy: remedy}
	}
	return &FormatError{Kind: ErrNotKernel, What: fmt.Sprintf("%s is not a kernel of any known format", subject), Remedy: remedy}
}

func isText(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' && c != '\f' || c == 0x7f {
			return false
		}
	}
	return true
}
