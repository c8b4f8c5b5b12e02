package main

// lanePaths is where things are in the lane.
var lanePaths = struct{ command, bench, kernel, initrd string }{
	command: "/bin/microvm", bench: "/bin/bench-boot", kernel: "/boot/vmlinuz", initrd: "/boot/initrd",
}
