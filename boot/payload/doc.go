// Package payload decompresses what a compressed kernel image carries.
//
// Formats are those a Linux kernel can be built with: gzip, bzip2, LZMA, XZ
// (with the x86 branch filter that the kernel's build applies), LZ4 in its
// legacy frame and Zstandard. LZO is recognised and refused by name.
//
// Input is hostile until proved otherwise: no size found in a stream decides
// how much memory is allocated, the caller's limit does. A stream is checked by
// the checksums it carries as far as it is read.
package payload
