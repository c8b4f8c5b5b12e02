package rig

import (
	"io"
	"time"
)

// Options say how to boot a lane.
type Options struct {
	Lane Lane
	// Files are put into the guest.
	Files []File
	// CPUs is the number of the guest's processors, 2 if zero.
	CPUs int
	// MemoryMiB is the guest's memory, 2048 if zero.
	MemoryMiB int
	// Hardware uses this machine's own KVM, nested, in place of emulation. Then
	// results depend on the machine.
	Hardware bool
	// BootTimeout is how long the guest's agent may take to answer, 2 minutes if
	// zero.
	BootTimeout time.Duration
	// Timeout is how long the session may take in all, 30 minutes if zero.
	Timeout time.Duration
	// HangGrace is how much longer than its own timeout a job may be without a
	// result before the guest is taken for hung, 30 seconds if zero.
	HangGrace time.Duration
	// KernelArgs are added to the kernel's command line.
	KernelArgs []string
	// Console gets what the serial console prints, as it comes.
	Console io.Writer
	// KernelLog gets the guest's kernel log, line by line, as it comes. The
	// console shows errors only.
	KernelLog io.Writer
	// Fetch says how to get the kernel.
	Fetch FetchOptions
	// Init is the path of the guest's init, built for the lane. If empty it is
	// built with the go command, for which the working directory has to be in
	// this module.
	Init string

	// withoutKVM is for tests that need a guest and not its /dev/kvm: its
	// modules take a fifth of the time to boot.
	withoutKVM bool
}

func (o *Options) setDefaults() {
	o.CPUs = defaulted(o.CPUs, 2)
	o.MemoryMiB = defaulted(o.MemoryMiB, 2048)
	o.BootTimeout = defaulted(o.BootTimeout, 2*time.Minute)
	o.Timeout = defaulted(o.Timeout, 30*time.Minute)
	o.HangGrace = defaulted(o.HangGrace, 30*time.Second)
	if o.Console == nil {
		o.Console = io.Discard
	}
	if o.KernelLog == nil {
		o.KernelLog = io.Discard
	}
	if o.Fetch.Progress == nil {
		o.Fetch.Progress = io.Discard
	}
}

func defaulted[T ~int | ~int64](v, otherwise T) T {
	if v == 0 {
		return otherwise
	}
	return v
}

// File is a file for the guest. It has Data, or else it is read from Host.
type File struct {
	// Guest is the path in the guest. Directories on the way are created. With a
	// slash at the end it is an empty directory.
	Guest string
	// Host is a file or a directory on this machine; of a directory everything
	// below it is taken. Symbolic links in it are kept as links.
	Host string
	// Data is the content if Host is empty.
	Data []byte
	// Perm are the permissions if Host is empty, 0644 if zero.
	Perm uint32
}

// Job is a command to run in the guest.
type Job struct {
	// Args are the program, looked up in /bin or as a path, and its arguments.
	Args []string
	// Env are variables in addition to PATH, HOME and TMPDIR.
	Env []string
	// Dir is the working directory, / if empty.
	Dir string
	// Timeout is how long the job may run: then the agent sends SIGQUIT, on
	// which Go programs print their goroutines, and SIGKILL 5 seconds later.
	// Zero is until the session ends.
	Timeout time.Duration
	// Stdin is the standard input, empty if nil. Reading from it goes on until
	// its end or the first read after the end of the job.
	Stdin io.Reader
	// Stdout and Stderr get the output as it comes. Both may be nil.
	Stdout, Stderr io.Writer
	// TTY, if not nil, gives the job a terminal; all output is Stdout then.
	TTY *TTY
	// Collect are files and directories in the guest that Result.Files returns
	// if they exist.
	Collect []string
}

// TTY is a terminal for a job.
type TTY struct {
	// Rows and Cols are its size at the start.
	Rows, Cols uint16
	// Resize gets later sizes; it may be nil.
	Resize <-chan Size
}

// Size is the size of a terminal in characters.
type Size struct{ Rows, Cols uint16 }

// Result is how a job ended.
type Result struct {
	// ExitCode is the exit status, -1 if a signal ended the job.
	ExitCode int
	// Signal is the number of that signal, else 0.
	Signal int
	// TimedOut says that the job was ended at its time limit.
	TimedOut bool
	// Duration is the time from start to end by the guest's clock.
	Duration time.Duration
	// Output is standard output and standard error in the order in which they
	// came; of a very long output the end.
	Output []byte
	// Files are the collected files by their path in the guest.
	Files map[string][]byte
	// Leftover are the command lines of processes that were still running after
	// the job; they were killed.
	Leftover []string
	// KernelWarnings are lines of the guest's kernel log that tell of trouble in
	// the kernel, since the result before this one.
	KernelWarnings []string
}

// Passed reports whether the job ended with status 0 by itself.
func (r *Result) Passed() bool { return r.ExitCode == 0 && r.Signal == 0 && !r.TimedOut }
