package blk_test

import (
	"fmt"
	"os"
	"path/filepath"

	"linuxkvm/virtio/blk"
)

// A disk of its own for each of several machines, all over one file that none of
// them changes.
func ExampleNewOverlay() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "root.img")
	if err := os.WriteFile(path, make([]byte, 1<<20), 0o600); err != nil {
		panic(err)
	}

	base, err := blk.OpenRaw(path, true)
	if err != nil {
		panic(err)
	}
	defer base.Close()
	for i := range 2 {
		disk, err := blk.NewOverlay(base, dir)
		if err != nil {
			panic(err)
		}
		defer disk.Close()
		dev, err := blk.New(blk.Config{Disk: disk, Serial: fmt.Sprintf("disk-%d", i)})
		if err != nil {
			panic(err)
		}
		fmt.Println(len(dev.QueueSizes()), "queue") // and dev goes into machine.Config.Devices
	}
	// Output:
	// 1 queue
	// 1 queue
}
