package confine_test

import (
	"context"
	"fmt"
	"os"

	"linuxkvm/boot"
	"linuxkvm/confine"
	"linuxkvm/machine"
)

// A program opens what its guest needs, confines itself, and lets the guest run.
func ExampleProcess() {
	err := func() error {
		kernel, err := boot.Open("vmlinuz")
		if err != nil {
			return err
		}
		m, err := machine.New(machine.Config{Kernel: kernel, ConsoleOut: os.Stdout})
		if err != nil {
			return err
		}
		defer m.Close()
		means, err := confine.Process(confine.Config{ReadWrite: []string{"/srv/share"}})
		if err != nil {
			return err
		}
		for _, lack := range means.Lacks() {
			fmt.Fprintln(os.Stderr, lack)
		}
		_, err = m.Run(context.Background())
		return err
	}()
	fmt.Println(err)
}
