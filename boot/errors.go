package boot

import (
	"errors"
	"fmt"
)

// The kinds of refusal. errors.Is finds them behind every error of the loaders.
var (
	// ErrNotKernel: the file is no kernel at all (text, an initrd, a disk image, nothing).
	ErrNotKernel = errors.New("not a kernel")
	// ErrWrongArch: a kernel, but of another architecture than the guest's.
	ErrWrongArch = errors.New("kernel of another architecture")
	// ErrUnsupported: a kernel of the right architecture that cannot be started this way.
	ErrUnsupported = errors.New("unsupported kernel")
	// ErrTruncated: the image ends before the bytes its own header declares.
	ErrTruncated = errors.New("truncated image")
	// ErrCorrupt: the image contradicts itself or does not decompress.
	ErrCorrupt = errors.New("corrupt image")
	// ErrTooSmall: the guest has too little memory for what is to be loaded.
	ErrTooSmall = errors.New("guest memory too small")
	// ErrCmdline: the command line is too long or holds a forbidden byte.
	ErrCmdline = errors.New("bad kernel command line")
	// ErrInitrd: the initrd is empty or cannot be placed where the kernel can reach it.
	ErrInitrd = errors.New("bad initrd")
)

// FormatError says in one sentence why an image was refused and what to do.
type FormatError struct {
	// Kind is one of the sentinels of this package.
	Kind error
	// What states the finding, with sizes where sizes matter.
	What string
	// Remedy is what the user can do; it may be empty.
	Remedy string
	// Err is the cause, if another error was behind it.
	Err error
}

// Error returns the finding, the cause and the remedy as one sentence.
func (e *FormatError) Error() string {
	s := e.What
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	if e.Remedy != "" {
		s += "; " + e.Remedy
	}
	return s
}

// Unwrap gives errors.Is the sentinel and the cause.
func (e *FormatError) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Err}
}

// TooSmallError is the ErrTooSmall of a loader: it carries both sizes so that
// a caller can suggest the next memory size.
type TooSmallError struct {
	// Need and Have are bytes of guest RAM. Need is the smallest amount known
	// to hold the kernel, the initrd and the boot data; a guest that is to do
	// anything needs more.
	Need, Have uint64
	// For names what does not fit.
	For string
}

// Error names both sizes in MiB and the remedy.
func (e *TooSmallError) Error() string {
	return fmt.Sprintf("guest memory too small: %s needs at least %d MiB of RAM and the guest has %s; give it more memory",
		e.For, mebibytes(e.Need), Bytes(e.Have))
}

// Is makes the error an ErrTooSmall.
func (e *TooSmallError) Is(target error) bool { return target == ErrTooSmall }

func mebibytes(n uint64) uint64 { return n>>20 + min(1, n&(1<<20-1)) }

// Bytes prints a size for a message: exact, in MiB, KiB or bytes.
func Bytes(n uint64) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB (%d bytes)", float64(n)/(1<<20), n)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d bytes", n)
}
