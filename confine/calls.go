package confine

import "golang.org/x/sys/unix"

// The system calls that are left, by what they are for. Those that the architecture
// alone has, or that programs make in one of its older forms, are in files of its name.
// Where something is missing, strace -f -c of a program says what it calls.
var (
	// goRuntime is what Go's runtime does by itself: see the SYS_ constants of
	// runtime/sys_linux_*.s and internal/runtime/syscall/linux. Of some it is only
	// what runtimeRules say.
	goRuntime = []uint32{
		// Memory: the heap grows, is given back, and is looked at by the garbage collector.
		unix.SYS_BRK, unix.SYS_MADVISE, unix.SYS_MINCORE, unix.SYS_MUNMAP, unix.SYS_MREMAP,
		// Threads: sleeping, waiting, ending; which processors there are.
		unix.SYS_FUTEX, unix.SYS_NANOSLEEP, unix.SYS_CLOCK_NANOSLEEP, unix.SYS_SCHED_YIELD,
		unix.SYS_SCHED_GETAFFINITY, unix.SYS_EXIT, unix.SYS_EXIT_GROUP,
		unix.SYS_GETPID, unix.SYS_GETTID,
		// What a C library adds to a thread, under the race detector or with cgo.
		unix.SYS_SET_ROBUST_LIST, unix.SYS_RSEQ,
		// Signals to itself, and the timers of profiles.
		unix.SYS_RT_SIGACTION, unix.SYS_RT_SIGPROCMASK, unix.SYS_RT_SIGRETURN, unix.SYS_SIGALTSTACK,
		unix.SYS_SETITIMER, unix.SYS_TIMER_CREATE, unix.SYS_TIMER_SETTIME, unix.SYS_TIMER_DELETE,
		// A call that a signal or a stop has interrupted goes on under this name.
		unix.SYS_RESTART_SYSCALL,
		// The poller.
		unix.SYS_EPOLL_CREATE1, unix.SYS_EPOLL_CTL, unix.SYS_EPOLL_PWAIT, unix.SYS_EPOLL_PWAIT2,
		unix.SYS_EVENTFD2, unix.SYS_PIPE2, unix.SYS_PPOLL, unix.SYS_PSELECT6,
		// Time where the vDSO has no clock, and random numbers where it has none.
		unix.SYS_CLOCK_GETTIME, unix.SYS_CLOCK_GETRES, unix.SYS_GETTIMEOFDAY, unix.SYS_GETRANDOM,
		// What packages os and syscall say of the process.
		unix.SYS_UNAME, unix.SYS_GETUID, unix.SYS_GETEUID, unix.SYS_GETGID, unix.SYS_GETEGID,
		unix.SYS_GETPPID, unix.SYS_GETRUSAGE, unix.SYS_GETRLIMIT, unix.SYS_SYSINFO, unix.SYS_GETCWD,
		// A child that was started before has to be waited for.
		unix.SYS_WAIT4, unix.SYS_WAITID,
	}

	// openFiles is what is done with descriptors, whatever they are: disks, the
	// console, pipes, eventfds, network interfaces.
	openFiles = []uint32{
		unix.SYS_READ, unix.SYS_WRITE, unix.SYS_READV, unix.SYS_WRITEV,
		unix.SYS_PREAD64, unix.SYS_PWRITE64, unix.SYS_PREADV, unix.SYS_PWRITEV,
		unix.SYS_PREADV2, unix.SYS_PWRITEV2,
		unix.SYS_CLOSE, unix.SYS_DUP, unix.SYS_DUP3, unix.SYS_LSEEK, unix.SYS_FSTAT, unix.SYS_FSTATFS,
		unix.SYS_FSYNC, unix.SYS_FDATASYNC, unix.SYS_SYNC_FILE_RANGE,
		unix.SYS_FALLOCATE, unix.SYS_FTRUNCATE, unix.SYS_FADVISE64, unix.SYS_FLOCK,
		unix.SYS_COPY_FILE_RANGE, unix.SYS_SPLICE, unix.SYS_SENDFILE, unix.SYS_GETDENTS64,
	}

	// guestMemory is what package memory needs besides mmap.
	guestMemory = []uint32{unix.SYS_MEMFD_CREATE, unix.SYS_MBIND}

	// openSockets is what is done with sockets that are there. Which may be made is
	// what a Network says.
	openSockets = []uint32{
		unix.SYS_ACCEPT4, unix.SYS_SHUTDOWN,
		unix.SYS_GETSOCKNAME, unix.SYS_GETPEERNAME, unix.SYS_GETSOCKOPT, unix.SYS_SETSOCKOPT,
		unix.SYS_SENDTO, unix.SYS_SENDMSG, unix.SYS_SENDMMSG,
		unix.SYS_RECVFROM, unix.SYS_RECVMSG, unix.SYS_RECVMMSG,
	}

	// byName opens files and looks at them. Landlock says which: without it these are
	// left only if Config names any, and then open what the user may.
	byName = []uint32{
		unix.SYS_OPENAT, unix.SYS_OPENAT2, unix.SYS_STATX, unix.SYS_STATFS,
		unix.SYS_READLINKAT, unix.SYS_FACCESSAT, unix.SYS_FACCESSAT2,
		unix.SYS_GETXATTR, unix.SYS_LGETXATTR, unix.SYS_FGETXATTR,
		unix.SYS_LISTXATTR, unix.SYS_LLISTXATTR, unix.SYS_FLISTXATTR,
	}

	// changing is for directories that may be written to. A directory shared with a
	// guest has files whose modes, owners, times and attributes the guest changes, and
	// the kernel takes a name for most of that.
	changing = []uint32{
		unix.SYS_MKDIRAT, unix.SYS_MKNODAT, unix.SYS_SYMLINKAT, unix.SYS_LINKAT,
		unix.SYS_UNLINKAT, unix.SYS_RENAMEAT2,
		unix.SYS_FCHMOD, unix.SYS_FCHMODAT, unix.SYS_FCHMODAT2, unix.SYS_FCHOWN, unix.SYS_FCHOWNAT,
		unix.SYS_UTIMENSAT,
		unix.SYS_SETXATTR, unix.SYS_LSETXATTR, unix.SYS_FSETXATTR,
		unix.SYS_REMOVEXATTR, unix.SYS_LREMOVEXATTR, unix.SYS_FREMOVEXATTR,
	}
)

// withoutIt are calls that programs try first and do without: EPERM would end what
// they are about. clone3 has its flags in memory, where no filter can look.
var withoutIt = []uint32{unix.SYS_CLONE3}
