package fs

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// kernels are file systems in which the host's kernel says what goes on in it and is
// told what to do: a file of a process is its memory. A guest has its own. They are in
// the way of who shares the whole tree of a host.
var kernels = map[uint32]bool{
	unix.PROC_SUPER_MAGIC: true, unix.SYSFS_MAGIC: true, unix.CGROUP_SUPER_MAGIC: true, unix.CGROUP2_SUPER_MAGIC: true,
	unix.DEBUGFS_MAGIC: true, unix.TRACEFS_MAGIC: true, unix.SECURITYFS_MAGIC: true, unix.SELINUX_MAGIC: true,
	unix.SMACK_MAGIC: true, unix.BPF_FS_MAGIC: true, unix.PSTOREFS_MAGIC: true, unix.EFIVARFS_MAGIC: true,
	unix.BINFMTFS_MAGIC: true, unix.DEVPTS_SUPER_MAGIC: true, unix.NSFS_MAGIC: true, unix.RDTGROUP_SUPER_MAGIC: true,
	unix.XENFS_SUPER_MAGIC: true, unix.BINDERFS_SUPER_MAGIC: true,
	unix.AUTOFS_SUPER_MAGIC: true, // a lookup mounts
	configfs:                true, fusectl: true, mqueue: true, rpcPipes: true,
}

// Those without a name in package unix (fs/configfs/mount.c, fs/fuse/control.c,
// ipc/mqueue.c, net/sunrpc/rpc_pipe.c).
const (
	configfs = 0x62656570
	fusectl  = 0x65735543
	mqueue   = 0x19800202
	rpcPipes = 0x67596969
)

// sealed says whether a file is one of the kernel's, of which a guest sees no more than
// that it is there. Only where another file system begins is it asked for.
func sealed(fd int, st *syscall.Stat_t, parent *node) (bool, error) {
	if st.Dev == parent.key.dev {
		return false, nil // the parent is none
	}
	var fs syscall.Statfs_t
	if err := retry(func() error { return syscall.Fstatfs(fd, &fs) }); err != nil {
		return false, err
	}
	return kernels[uint32(fs.Type)], nil
}
