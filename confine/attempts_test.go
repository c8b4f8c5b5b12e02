package confine

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// What a child has from before it was confined.
var (
	secretPath = -1 // O_PATH, of the secret
	outsideDir = -1 // of the directory that it is in
	roFile     = -1 // for reading
	ownSocket  = -1
	handle     unix.FileHandle
	mountFD    = -1
)

func prepare(s scene) {
	secretPath, _ = unix.Open(s.path("outside/secret"), unix.O_PATH|unix.O_CLOEXEC, 0)
	outsideDir, _ = unix.Open(s.path("outside"), unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	roFile, _ = unix.Open(s.path("ro/file"), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	ownSocket, _ = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	handle, _, _ = unix.NameToHandleAt(unix.AT_FDCWD, s.path("outside/secret"), 0)
	mountFD, _ = unix.Open(s.dir, unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
}

// open opens a file, closes it, and has the error.
func open(path string, flags int) error {
	f, err := os.OpenFile(path, flags, 0o600)
	if err == nil {
		err = f.Close()
	}
	return err
}

func closed(fd int, err error) error {
	if err == nil {
		err = unix.Close(fd)
	}
	return err
}

// call makes a system call whose result is of no interest.
func call(nr uintptr, args ...uintptr) error {
	var a [6]uintptr
	copy(a[:], args)
	_, _, errno := syscall.Syscall6(nr, a[0], a[1], a[2], a[3], a[4], a[5])
	if errno != 0 {
		return errno
	}
	return nil
}

func socket(family, kind, protocol int) func(scene) error {
	return func(scene) error { return closed(unix.Socket(family, kind|unix.SOCK_CLOEXEC, protocol)) }
}

// raw is a call with arguments that the kernel finds fault with where it does not
// refuse the call itself.
func raw(nr uintptr, args ...uintptr) func(scene) error {
	return func(scene) error { return call(nr, args...) }
}

var none = ^uintptr(0)

var attempts = append([]attempt{
	// Files.
	{name: "read a file outside", do: func(s scene) error { return open(s.path("outside/secret"), os.O_RDONLY) }},
	{name: "read a directory outside", do: func(s scene) error { return open(s.path("outside"), os.O_RDONLY) }},
	{name: "read a file of proc", do: func(scene) error { return open("/proc/version", os.O_RDONLY) }},
	{name: "write a file outside", do: func(s scene) error { return open(s.path("outside/secret"), os.O_WRONLY) }},
	{name: "make a file outside", do: func(s scene) error { return open(s.path("outside/new"), os.O_WRONLY|os.O_CREATE) }},
	{name: "write a read-only file", do: func(s scene) error { return open(s.path("ro/file"), os.O_WRONLY) }},
	{name: "append to a read-only file", do: func(s scene) error { return open(s.path("ro/file"), os.O_WRONLY|os.O_APPEND) }},
	{name: "truncate a read-only file", do: func(s scene) error { return os.Truncate(s.path("ro/file"), 0) }},
	{name: "truncate a read-only file by opening", version: 3, do: func(s scene) error {
		return closed(unix.Open(s.path("ro/file"), unix.O_RDONLY|unix.O_TRUNC|unix.O_CLOEXEC, 0))
	}},
	{name: "make a read-only descriptor one to write", do: func(scene) error { return open(fmt.Sprintf("/proc/self/fd/%d", roFile), os.O_RDWR) }},
	{name: "make a file in a read-only directory", do: func(s scene) error { return open(s.path("ro/new"), os.O_WRONLY|os.O_CREATE) }},
	{name: "make a file without a name outside", do: func(s scene) error { return open(s.path("outside"), unix.O_TMPFILE|unix.O_RDWR) }},
	{name: "remove a read-only file", do: func(s scene) error {
		err := os.Remove(s.path("ro/file"))
		return again(err, func() error { return os.WriteFile(s.path("ro/file"), nil, 0o600) })
	}},
	{name: "make a directory outside", do: func(s scene) error {
		return again(os.Mkdir(s.path("outside/dir"), 0o700), func() error { return os.Remove(s.path("outside/dir")) })
	}},
	{name: "move a secret inside", do: func(s scene) error {
		return again(os.Rename(s.path("outside/secret"), s.path("rw/secret")), func() error { return os.Rename(s.path("rw/secret"), s.path("outside/secret")) })
	}},
	{name: "move a file outside", do: func(s scene) error {
		return again(os.Rename(s.path("rw/file"), s.path("outside/file")), func() error { return os.Rename(s.path("outside/file"), s.path("rw/file")) })
	}},
	{name: "link a secret inside", do: func(s scene) error {
		return again(os.Link(s.path("outside/secret"), s.path("rw/link")), func() error { return os.Remove(s.path("rw/link")) })
	}},
	{name: "link a read-only file where it can be written", do: func(s scene) error {
		return again(os.Link(s.path("ro/file"), s.path("rw/link")), func() error { return os.Remove(s.path("rw/link")) })
	}},
	{name: "read through a symlink", do: func(s scene) error {
		_ = os.Remove(s.path("rw/symlink"))
		if err := os.Symlink("../outside/secret", s.path("rw/symlink")); err != nil {
			return notIt("the symlink", err)
		}
		return open(s.path("rw/symlink"), os.O_RDONLY)
	}},
	{name: "read through dot dot", do: func(s scene) error { return open(s.path("rw")+"/../outside/secret", os.O_RDONLY) }},
	{name: "read through the root of proc", do: func(s scene) error { return open("/proc/self/root"+s.path("outside/secret"), os.O_RDONLY) }},
	{name: "read through the working directory of proc", do: func(scene) error { return open("/proc/self/cwd/outside/secret", os.O_RDONLY) }},
	{name: "read through a path descriptor", do: func(scene) error { return open(fmt.Sprintf("/proc/self/fd/%d", secretPath), os.O_RDONLY) }},
	{name: "read beneath an open directory", do: func(scene) error {
		return closed(unix.Openat(outsideDir, "secret", unix.O_RDONLY|unix.O_CLOEXEC, 0))
	}},
	{name: "read beneath an open directory with openat2", do: func(scene) error {
		return closed(unix.Openat2(outsideDir, "secret", &unix.OpenHow{Flags: unix.O_RDONLY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_BENEATH}))
	}},
	{name: "open by handle", do: func(scene) error {
		return closed(unix.OpenByHandleAt(mountFD, handle, unix.O_RDONLY|unix.O_CLOEXEC))
	}},
	{name: "write own memory through proc", do: func(scene) error { return open("/proc/self/mem", os.O_RDWR) }},
	{name: "read another process's memory through proc", do: func(scene) error { return open(fmt.Sprintf("/proc/%d/mem", os.Getppid()), os.O_RDONLY) }},
	{name: "make a device", do: func(s scene) error {
		err := unix.Mknod(s.path("rw/null"), unix.S_IFCHR|0o600, int(unix.Mkdev(1, 3)))
		return again(err, func() error { return os.Remove(s.path("rw/null")) })
	}},
	{name: "change the root", do: func(scene) error { return unix.Chroot("/") }},
	{name: "change the working directory", do: func(scene) error { return os.Chdir("/") }},

	// Mounts and namespaces.
	{name: "mount", do: func(s scene) error {
		return again(unix.Mount("none", s.path("rw/sub"), "tmpfs", 0, ""), func() error { return unix.Unmount(s.path("rw/sub"), unix.MNT_DETACH) })
	}},
	{name: "unmount", do: func(s scene) error { return unix.Unmount(s.path("rw/sub"), 0) }},
	{name: "open_tree", do: func(s scene) error { return closed(unix.OpenTree(unix.AT_FDCWD, s.path("ro"), unix.OPEN_TREE_CLOEXEC)) }},
	{name: "fsopen", do: func(scene) error { return closed(unix.Fsopen("tmpfs", unix.FSOPEN_CLOEXEC)) }},
	{name: "pivot_root", do: raw(unix.SYS_PIVOT_ROOT)},
	{name: "a namespace of names", do: func(scene) error { return unix.Unshare(unix.CLONE_NEWUTS) }},
	{name: "a user namespace", do: raw(unix.SYS_UNSHARE, unix.CLONE_NEWUSER)},
	{name: "enter a namespace", do: raw(unix.SYS_SETNS, none, 0)},
	{name: "a thread in a new namespace", do: raw(unix.SYS_CLONE, unix.CLONE_NEWNS|unix.CLONE_FS)},
	{name: "clone3", do: raw(unix.SYS_CLONE3, 0, 0)},

	// Programs.
	{name: "run a program", do: func(scene) error {
		p, err := os.StartProcess("/bin/true", []string{"true"}, &os.ProcAttr{})
		if err == nil {
			_, err = p.Wait()
		}
		return err
	}},
	{name: "execve of nothing", do: func(scene) error { return syscall.Exec("/nothing/here", []string{"x"}, nil) }},
	{name: "execveat of memory", do: raw(unix.SYS_EXECVEAT, none, 0, 0, 0, unix.AT_EMPTY_PATH)},
	{name: "executable memory", do: func(scene) error {
		b, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_EXEC, unix.MAP_PRIVATE|unix.MAP_ANON)
		return again(err, func() error { return unix.Munmap(b) })
	}},
	{name: "memory made executable", do: func(scene) error {
		b, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
		if err != nil {
			return notIt("the memory", err)
		}
		defer unix.Munmap(b)
		return unix.Mprotect(b, unix.PROT_READ|unix.PROT_EXEC)
	}},

	// Other processes.
	{name: "ptrace", do: raw(unix.SYS_PTRACE, unix.PTRACE_PEEKDATA, uintptr(os.Getppid()))},
	{name: "process_vm_readv", do: raw(unix.SYS_PROCESS_VM_READV, uintptr(os.Getppid()), 0, 1)},
	{name: "signal another process", do: func(scene) error { return unix.Kill(os.Getppid(), 0) }},
	{name: "signal the process group", do: func(scene) error { return unix.Kill(0, 0) }},
	{name: "signal all processes", do: raw(unix.SYS_KILL, none, 0x7fff)},
	{name: "signal a thread of another process", do: func(scene) error { return unix.Tgkill(os.Getppid(), os.Getppid(), 0) }},
	{name: "signal a thread by its id alone", do: raw(unix.SYS_TKILL, uintptr(os.Getppid()), 0)},
	{name: "a pidfd", do: func(scene) error { return closed(unix.PidfdOpen(os.Getppid(), 0)) }},
	{name: "take a descriptor of another process", do: raw(unix.SYS_PIDFD_GETFD, none, 0, 0)},
	{name: "signals for a descriptor to another process", do: func(scene) error {
		_, err := unix.FcntlInt(uintptr(ownSocket), unix.F_SETOWN, os.Getppid())
		return err
	}},
	{name: "set a limit", do: func(scene) error { return unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}) }},
	{name: "another process's limits", do: func(scene) error { return unix.Prlimit(os.Getppid(), unix.RLIMIT_CORE, nil, &unix.Rlimit{}) }},

	// Who the process is, and what confines it.
	{name: "setuid", do: raw(unix.SYS_SETUID, uintptr(os.Getuid()))},
	{name: "setgid", do: raw(unix.SYS_SETGID, uintptr(os.Getgid()))},
	{name: "setgroups", do: raw(unix.SYS_SETGROUPS, 0, 0)},
	{name: "capset", do: raw(unix.SYS_CAPSET)},
	{name: "prctl", do: raw(unix.SYS_PRCTL, unix.PR_SET_DUMPABLE, 1)},
	{name: "a filter over the filter", do: raw(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, 0)},
	{name: "another landlock", do: raw(unix.SYS_LANDLOCK_CREATE_RULESET)},
	{name: "the keyring", do: raw(unix.SYS_KEYCTL, unix.KEYCTL_GET_KEYRING_ID, ^uintptr(0), 0)},

	// The kernel.
	{name: "bpf", do: raw(unix.SYS_BPF, none, 0, 0)},
	{name: "perf_event_open", do: raw(unix.SYS_PERF_EVENT_OPEN)},
	{name: "userfaultfd", do: func(scene) error { return userfaultfd() }},
	{name: "io_uring", do: raw(unix.SYS_IO_URING_SETUP, 1, 0)},
	{name: "io_uring_enter", do: raw(unix.SYS_IO_URING_ENTER, none)},
	{name: "init_module", do: raw(unix.SYS_INIT_MODULE)},
	{name: "finit_module", do: raw(unix.SYS_FINIT_MODULE, none)},
	{name: "delete_module", do: raw(unix.SYS_DELETE_MODULE)},
	{name: "kexec_load", do: raw(unix.SYS_KEXEC_LOAD, 0, 0, 0, 0xffff)},
	{name: "reboot", do: raw(unix.SYS_REBOOT)},
	{name: "set the clock", do: raw(unix.SYS_CLOCK_SETTIME, unix.CLOCK_REALTIME, 0)},
	{name: "sethostname", do: raw(unix.SYS_SETHOSTNAME, 0, 1<<20)},
	{name: "swapon", do: raw(unix.SYS_SWAPON)},

	// ioctls.
	{name: "type into the terminal", do: raw(unix.SYS_IOCTL, none, unix.TIOCSTI)},
	{name: "an ioctl whose upper half is KVM's", do: raw(unix.SYS_IOCTL, none, unix.TIOCSTI|kvmMagic<<40)},
	{name: "the flags of a file", do: raw(unix.SYS_IOCTL, none, unix.FS_IOC_SETFLAGS)},
	{name: "share a file's data", do: raw(unix.SYS_IOCTL, none, unix.FICLONE)},
	{name: "make a network interface", do: raw(unix.SYS_IOCTL, none, unix.TUNSETIFF)},

	// Sockets.
	{name: "a TCP socket without a network", do: socket(unix.AF_INET, unix.SOCK_STREAM, 0)},
	{name: "a UDP socket without a network", do: socket(unix.AF_INET6, unix.SOCK_DGRAM, 0)},
	{name: "connect an open socket without a network", do: func(scene) error {
		return unix.Connect(ownSocket, &unix.SockaddrInet4{Port: 1, Addr: [4]byte{127, 0, 0, 1}})
	}},
	{name: "bind an open socket without a network", do: raw(unix.SYS_BIND, none, 0, 0)},
	{name: "listen on an open socket without a network", do: func(scene) error { return unix.Listen(ownSocket, 1) }},
	{name: "a unix socket", network: Listening, do: socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)},
	{name: "a pair of sockets", network: Listening, do: raw(unix.SYS_SOCKETPAIR, unix.AF_UNIX, unix.SOCK_STREAM, 0, 0)},
	{name: "a netlink socket", network: Listening, do: socket(unix.AF_NETLINK, unix.SOCK_RAW, 0)},
	{name: "a raw socket", network: Listening, do: socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP)},
	{name: "a packet socket", network: Listening, do: socket(unix.AF_PACKET, unix.SOCK_RAW, 0)},
	{name: "a multipath TCP socket", network: Listening, do: socket(unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_MPTCP)},
	{name: "listen where one may only connect", network: Outgoing, do: func(scene) error {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		return again(err, func() error { return l.Close() })
	}},
	{name: "bind a TCP port where one may only connect", version: 4, network: Outgoing, do: func(scene) error {
		s, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return notIt("the socket", err)
		}
		defer unix.Close(s)
		return unix.Bind(s, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	}},
}, archAttempts...)

// again undoes what has succeeded, so that the next thread can try.
func again(err error, undo func() error) error {
	if err == nil {
		if err := undo(); err != nil {
			return notIt("undoing it", err)
		}
	}
	return err
}

// notIt is an error on the way to an attempt, which must not count as its refusal: what
// the kernel said is no longer in it.
func notIt(what string, err error) error { return errors.New(what + ": " + err.Error()) }

// userfaultfd makes one, which the kernel may give to root alone.
func userfaultfd() error {
	fd, _, errno := syscall.Syscall(unix.SYS_USERFAULTFD, unix.O_CLOEXEC, 0, 0)
	if errno != 0 {
		return errno
	}
	return unix.Close(int(fd))
}
