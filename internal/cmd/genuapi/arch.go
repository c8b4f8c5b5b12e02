package main

// target is one architecture that the package is generated for.
type target struct {
	goarch string // Go's name
	clang  string // clang's target triple
	kernel string // the kernel's name, which is its directory of headers
}

// targets are the architectures that have KVM and a 64-bit Go port.
var targets = []target{
	{"amd64", "x86_64-linux-gnu", "x86"},
	{"arm64", "aarch64-linux-gnu", "arm64"},
	{"loong64", "loongarch64-linux-gnu", "loongarch"},
	{"mips64le", "mips64el-linux-gnuabi64", "mips"},
	{"ppc64le", "powerpc64le-linux-gnu", "powerpc"},
	{"riscv64", "riscv64-linux-gnu", "riscv"},
	{"s390x", "s390x-linux-gnu", "s390"},
}
