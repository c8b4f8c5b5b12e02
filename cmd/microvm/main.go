// Command microvm boots a Linux kernel in a virtual machine of its own process,
// and tells what this host's KVM offers.
package main

import (
	"os"

	"linuxkvm/cmd/microvm/internal/console"
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == console.GuardArg {
		os.Exit(int(report(os.Stderr, console.GuardMain())))
	}
	os.Exit(int(execute(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)))
}
