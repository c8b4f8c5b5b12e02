// Command genuapi generates package uapi from the kernel's headers, for every
// architecture that has KVM and a 64-bit Go port.
//
// It parses no C. A compiler says which macros are integer constants and what
// they are worth on each architecture, which of them are ioctl numbers or ids of registers,
// and, in its debug information, how structs are laid out; sizeof and offsetof have to
// confirm that. The headers are those of Debian's newest linux-libc-dev, which
// has all architectures; the file headers.version in the package's directory
// pins the version.
//
//	go run ./internal/cmd/genuapi            generate from the pinned headers
//	go run ./internal/cmd/genuapi -check     only compare, fail on a difference
//	go run ./internal/cmd/genuapi -update    generate from the newest headers and pin them
//
// It needs clang, which compiles for all the architectures, and the programs of
// apt and dpkg.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
)

func main() {
	var o options
	flag.BoolVar(&o.check, "check", false, "compare with what is there instead of writing")
	flag.BoolVar(&o.update, "update", false, "use the newest headers and pin them")
	flag.StringVar(&o.deb, "deb", "", "use the headers of this package `file`")
	flag.StringVar(&o.cache, "cache", "", "keep downloads in this `directory` (default $LINUXKVM_CACHE or the user's cache directory)")
	flag.StringVar(&o.dir, "dir", "", "the package's `directory` (default uapi in the module's root)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "genuapi:", err)
		os.Exit(1)
	}
}

// options are the command line's.
type options struct {
	check, update   bool
	deb, cache, dir string
}

func run(ctx context.Context, o options, progress io.Writer) error {
	if flag.NArg() > 0 || o.check && o.update {
		return fmt.Errorf("usage: genuapi [-check | -update] [-deb file] [-cache dir] [-dir dir]")
	}
	if err := o.complete(); err != nil {
		return err
	}
	clang, err := findClang()
	if err != nil {
		return err
	}
	h, err := o.headers(ctx, progress)
	if err != nil {
		return err
	}
	files, err := generate(ctx, clang, h, progress)
	if err != nil {
		return err
	}
	files[pinFile] = []byte(h.version + "\n")
	if o.check {
		return compare(o.dir, files)
	}
	return write(o.dir, files)
}
