// Package flat is what the loaders of arm64 and riscv64 share. Both kernels come
// as an Image: code that runs from its first byte, with a header of 64 bytes that
// says how much memory it needs. Both want it at a 2 MiB boundary, find the
// initrd through a devicetree, and leave decompression to the loader. Packages
// boot/arm64 and boot/riscv64 say what differs.
//
// An Image may lie open, may be compressed as a whole (Image.gz and the like), or
// stand inside an EFI zboot application. It is decompressed on the host, straight
// into guest memory.
package flat
