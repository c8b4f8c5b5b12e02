// Package arm64 puts a Linux kernel into the RAM of an arm64 guest and says how
// its first vCPU must start.
//
// The kernel is an Image, which may be compressed or stand inside an EFI zboot
// application; see package boot/flat. What machine it is on, the kernel learns
// from a devicetree, which [Board] describes and Load completes.
//
// Layout is the guest-physical map: devices below 1 GiB at the named constants,
// RAM from there on in one piece.
package arm64
