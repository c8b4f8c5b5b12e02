// Package confine takes from the calling process what a virtual machine does not
// need: files, programs, sockets, and most system calls. What a guest gains by a bug
// of a device model is then little.
//
// Three means of the kernel do it. Landlock keeps the process from files by their
// names, seccomp from system calls, and no_new_privs from programs with privileges
// of their own. Descriptors that are open stay what they are; so a program opens
// all that it needs, confines itself, and lets its guest run:
//
//	m, err := machine.New(cfg)
//	…
//	if _, err := confine.Process(confine.Config{ReadWrite: []string{share}}); err != nil {
//		…
//	}
//	result, err := m.Run(ctx)
//
// It holds for the whole process, all its threads and goroutines, those that run
// already as well, and it cannot be undone. No other package of this module does it on
// its own account.
//
// # What is left
//
// The Go runtime: memory, threads, signals to itself, timers, descriptors. All of the
// KVM API, on descriptors that are open, and on /dev/kvm where ReadWrite has it.
// Reading, writing, locking, truncating and the like of open files, guest memory
// included. The settings of an open terminal and the size of its window. Sockets that
// exist: what they were connected or bound to before, and accepting from a listener.
// Everything else is refused with EPERM, with EACCES where it is a file that Landlock
// keeps, or with ENOSYS where it is a call newer than this package: a program can report
// that, and a guest survives a call that nobody thought of. A call of another architecture, such as 32-bit x86's, ends the process:
// no program has two.
//
// No program can be started any more, not by a child either, as there are no
// children. No memory can be made executable. Code that needs either, such as a
// terminal's helper process or cgo's dlopen, has to be done with it before.
//
// # What it does not do
//
// Landlock knows neither modes and owners, nor attributes, nor the existence of a
// file: with a directory in ReadWrite the process may change the mode, owner, times
// and extended attributes of whatever file it owns, and with any path it may ask
// whether a file exists and how large it is. Linux 6.1 lets a file that may only be read be
// truncated by opening it so; Linux 6.2 (version 3 of Landlock) does not. Which
// addresses are connected to is not looked at, only whether. Root stays root, as far as
// files go: a directory that is shared may need that. What of memory, processor
// and disk the process uses is for cgroups to bound.
package confine
