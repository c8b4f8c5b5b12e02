package guest

import (
	"fmt"
	"io"
	"os"

	"linuxkvm/internal/cpio"
)

// WriteInitrd writes an initramfs whose /init is the given static program, and
// nothing else.
func WriteInitrd(out io.Writer, program string) error {
	in, err := os.Open(program)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	w := cpio.NewWriter(out)
	for _, step := range []func() error{
		func() error { return w.Dir("dev", 0o755) },
		// The kernel opens it for /init before anything is mounted.
		func() error { return w.CharDevice("dev/console", 0o600, 5, 1) },
		func() error { return w.File("init", 0o755, info.Size(), in) },
		w.Close,
	} {
		if err := step(); err != nil {
			return fmt.Errorf("initrd with %s: %w", program, err)
		}
	}
	return nil
}

// WriteInitrdFile is WriteInitrd to a file.
func WriteInitrdFile(path, program string) error {
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := WriteInitrd(out, program); err != nil {
		_ = out.Close() // the first error tells more
		return err
	}
	return out.Close()
}
