// Package payload decompresses what a compressed kernel image carries.
//
// Formats are those a Linux kernel can be built with: gzip, bzip2, LZMA, XZ
// (with the x86 branch filter that the kernel's build applies), LZ4 in its
// legacy frame and Zstandard. LZO is recognised and refused by name.
//
// What it costs, measured on a small x86-64 server for the vmlinux of Debian's
// cloud kernels (53 MB in 6.1, which uses lz4; 63 MB in 7.2, which uses zstd):
// lz4 20 ms, zstd 0.2 s, gzip 0.4 s, xz 2.3 s, lzma 2.4 s, bzip2 2.9 s. xz's own
// tool takes 1.0 s; so the slow three are better left to the guest, whose decoder
// is written in C too. See Format.Fast.
//
// Input is hostile until proved otherwise: no size found in a stream decides
// how much memory is allocated, the caller's limit does. A stream is checked by
// the checksums it carries as far as it is read.
package payload
