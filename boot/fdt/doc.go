// Package fdt writes flattened devicetrees, version 17: how an arm64 or riscv64
// kernel learns what machine it is on.
//
// A tree is made of [Node] values from [New] on and encoded by [Node.Encode].
// What a value means is the business of the kernel's bindings; this package
// knows the encoding only. Numbers are big-endian cells of 32 bits, as the
// devicetree specification has it.
package fdt
