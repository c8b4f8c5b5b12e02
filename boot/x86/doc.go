// Package x86 puts a Linux kernel into the RAM of an amd64 guest and says how
// the first vCPU must start.
//
// # Ways in
//
// There are two, and Load picks one:
//
//   - PVH: an ELF vmlinux with the XEN_ELFNOTE_PHYS32_ENTRY note is loaded
//     segment by segment at its physical addresses and entered in 32-bit
//     protected mode, paging off, EBX at a start_info block.
//   - Linux64: a bzImage is loaded as it is and entered at its 64-bit entry
//     point in long mode, RSI at a boot_params block ("zero page"). It then
//     decompresses itself inside the guest.
//
// A bzImage carries a vmlinux in compressed form, so a bzImage can take the PVH
// way too: Load then decompresses on the host, streaming, straight into place.
// That pays: the host decompresses once, at native speed, with no guest page
// table in the way, and the guest neither decompresses nor applies relocations
// nor moves itself. The price is that the guest's kernel address
// randomisation (KASLR), which is done by the decompressor, does not happen.
// Auto, the default policy, extracts where decompression is quick (lz4, zstd,
// gzip) and leaves xz, lzma, bzip2, lzo and kernels without a PVH note to
// the guest. A caller that wants KASLR asks for Linux64.
//
// # Memory
//
// Layout is the guest-physical map: RAM up to 3 GiB, the MMIO hole up to
// 4 GiB, the rest of RAM above. Boot data lies in the first MiB at the named
// constants. The machine creates its RAM from Layout.RAM, puts devices at the
// addresses named here, and hands the same Layout to Load.
package x86
