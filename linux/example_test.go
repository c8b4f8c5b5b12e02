package linux_test

import (
	"context"
	"log"
	"os"

	"linuxkvm/linux"
)

// A command of the host, on the host's kernel, in a guest that has the host's files to
// read and one directory to write to.
func ExampleStart() {
	ctx := context.Background()
	vm, err := linux.Start(ctx, linux.Config{
		Root:    linux.HostRoot(),
		Volumes: []linux.Volume{{Path: "out", Mount: "/mnt/out"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer vm.Close()
	cmd := vm.Command(ctx, "tar", "-cf", "/mnt/out/etc.tar", "/etc")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		log.Print(err) // a *linux.ExitError where it ran and failed
	}
}
