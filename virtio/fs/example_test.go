package fs_test

import (
	"fmt"
	"os"

	"linuxkvm/virtio/fs"
)

// A directory that the guest mounts with: mount -t virtiofs -o ro src /src
func ExampleNew() {
	dev, err := fs.New(fs.Config{Tag: "src", Dir: os.TempDir(), ReadOnly: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer dev.Close() // after the machine
	fmt.Println(len(dev.QueueSizes()), "queues")
	// Output: 2 queues
}
