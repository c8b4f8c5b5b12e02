package confine

import (
	"os"

	"golang.org/x/sys/unix"
)

// runtimeRules are the calls of Go's runtime of which only a part is left.
func runtimeRules(p *policy) {
	pid := uint32(os.Getpid())
	// A thread of this process, and no namespace.
	const thread = unix.CLONE_VM | unix.CLONE_FS | unix.CLONE_FILES | unix.CLONE_SIGHAND | unix.CLONE_THREAD
	const threadMay = thread | unix.CLONE_SYSVSEM | unix.CLONE_SETTLS | unix.CLONE_DETACHED |
		unix.CLONE_PARENT_SETTID | unix.CLONE_CHILD_SETTID | unix.CLONE_CHILD_CLEARTID
	p.allow(unix.SYS_CLONE, rule{without(0, ^uint32(threadMay)), {0, thread, thread}})
	// Signals to this process: a goroutine is preempted, a vCPU kicked, a crash made one.
	p.allow(unix.SYS_TGKILL, rule{equal(0, pid)})
	p.allow(unix.SYS_KILL, rule{equal(0, pid)})
	// Memory that cannot be executed.
	p.allow(unix.SYS_MMAP, rule{without(2, unix.PROT_EXEC)})
	p.allow(unix.SYS_MPROTECT, rule{without(2, unix.PROT_EXEC)})
	// Names for mappings, in /proc/self/maps.
	p.allow(unix.SYS_PRCTL, rule{equal(0, unix.PR_SET_VMA)})
	// The limits of this process, to read.
	p.allow(unix.SYS_PRLIMIT64, rule{equal(0, 0), null(2)}, rule{equal(0, pid), null(2)})
	fcntlRules(p)
}

// fcntlRules leaves what os, net and virtio do. Not among them is who gets a signal
// for a descriptor.
func fcntlRules(p *policy) {
	for _, command := range []uint32{
		unix.F_GETFL, unix.F_SETFL, unix.F_GETFD, unix.F_SETFD, unix.F_DUPFD, unix.F_DUPFD_CLOEXEC,
		unix.F_GETLK, unix.F_SETLK, unix.F_SETLKW, unix.F_OFD_GETLK, unix.F_OFD_SETLK, unix.F_OFD_SETLKW,
		unix.F_GETPIPE_SZ, unix.F_SETPIPE_SZ, // of a pipe that splice goes through
		unix.F_ADD_SEALS, unix.F_GET_SEALS, // of guest memory
	} {
		p.allow(unix.SYS_FCNTL, rule{equal(1, command)})
	}
}

// KVM's ioctls have this number in their second byte.
const (
	kvmMagic  = 0xae
	magicMask = 0xff00
)

// ioctlRules come in the order in which they are looked at: a vCPU's are KVM_RUN, over
// and over.
func ioctlRules(p *policy) {
	p.allow(unix.SYS_IOCTL, rule{{1, magicMask, kvmMagic << 8}})
	for _, command := range []uint32{
		// The settings of a terminal, and its size. Not among them is TIOCSTI, which
		// types into it.
		unix.TCGETS, unix.TCSETS, unix.TCSETSW, unix.TCSETSF, unix.TIOCGWINSZ,
		unix.TUNSETOFFLOAD, // a tap interface, once the guest has negotiated
	} {
		p.allow(unix.SYS_IOCTL, rule{equal(1, command)})
	}
}

// networkRules leaves the sockets that may be made.
func networkRules(p *policy, n Network) {
	if n == NoNetwork {
		return
	}
	// The type has flags above these bits. Multipath TCP, which Go tries first to listen,
	// is not among them: Landlock does not look at it.
	const typeMask = 0xf
	for _, family := range []uint32{unix.AF_INET, unix.AF_INET6} {
		for _, s := range []struct{ kind, protocol uint32 }{
			{unix.SOCK_STREAM, 0}, {unix.SOCK_STREAM, unix.IPPROTO_TCP},
			{unix.SOCK_DGRAM, 0}, {unix.SOCK_DGRAM, unix.IPPROTO_UDP},
		} {
			p.allow(unix.SYS_SOCKET, rule{equal(0, family), {1, typeMask, uint64(s.kind)}, equal(2, s.protocol)})
		}
	}
	p.allow(unix.SYS_CONNECT)
	p.allow(unix.SYS_BIND) // for TCP, Landlock's to refuse
	if n == Listening {
		p.allow(unix.SYS_LISTEN)
	}
}

// policy says which system calls are left to a process so configured.
func (c *Config) policy(places []place) *policy {
	p := &policy{
		arch: auditArch, rules: make(map[uint32][]rule), absent: withoutIt,
		last: lastCall, first: unix.SYS_IOCTL, kill: otherABI,
	}
	lists := [][]uint32{goRuntime, openFiles, guestMemory, openSockets, archCalls, c.Calls}
	if len(places) > 0 {
		lists = append(lists, byName, archByName)
	}
	for _, place := range places {
		if place.writeable && place.mode.IsDir() {
			lists = append(lists, changing, archChanging)
			break
		}
	}
	for _, list := range lists {
		for _, nr := range list {
			p.allow(nr)
		}
	}
	runtimeRules(p)
	ioctlRules(p)
	networkRules(p, c.Network)
	return p
}
