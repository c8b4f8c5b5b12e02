// Package boot is the common ground of the kernel loaders: what guest memory
// looks like to a loader, what a kernel image is, how one is recognised, and
// the errors every loader returns.
//
// The loaders themselves are split by folder, not by GOARCH file suffix:
//
//	boot/x86      bzImage and ELF (PVH) for amd64 guests, memory layout, vCPU entry state
//	boot/arm64    Image for arm64 guests, compressed or not, devicetree, memory layout, vCPU entry state
//	boot/riscv64  the same for riscv64 guests
//	boot/flat     what the two have in common
//	boot/fdt      a writer of flattened devicetrees
//	boot/acpi     the ACPI tables of a microVM, and a small AML encoder
//	boot/payload  decompression of a kernel's payload
//
// A loader only moves bytes. It needs no KVM and no particular host, so an
// amd64 program may inspect an arm64 Image, the fuzz targets run anywhere, and
// a cross-architecture test needs no cross build. A GOARCH suffix would forbid
// all three and would buy nothing: which loader a machine uses follows from
// the guest it builds, and only the machine package knows that.
//
// Nothing here imports kvm or memory. Guest RAM is the Memory interface, whose
// offsets are guest-physical addresses.
//
// An image comes from a user and may be anything. Sizes declared inside an
// image are compared with the image and with guest RAM before they are used,
// and never decide how much the host allocates. Every refusal is a
// *FormatError that wraps one of the sentinels below: one sentence that says
// what was found and what to do.
package boot
