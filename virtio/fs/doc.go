// Package fs is the file system device (virtio 1.2, section 5.11): it shares a
// directory of the host with the guest, read-only or not. A Linux guest mounts it by
// its tag: mount -t virtiofs TAG /mnt. The protocol is FUSE's, served in this process
// by go-fuse.
//
// # What a guest can reach
//
// The directory, what is below it, and what is mounted there: nothing else. The
// guest names one entry of one directory at a time, never a path; the host looks it
// up beneath a descriptor of that directory and does not follow symlinks, which the
// guest follows in its own tree. Only regular files and directories are opened; a
// fifo, a socket or a device of the host is seen, and refused with EACCES. A guest
// makes no device nodes. What the host's kernel shows of itself and of processes (/proc,
// /sys and their like) is a directory that cannot be entered: EACCES. Locks are the guest's own: the host does not see them.
//
// A directory that the host moves out of the share while the guest holds it stays
// within the guest's reach, with all that is below it, until the guest forgets it or
// unmounts: do not move out what a guest must not see.
//
// # Who owns the files
//
// If this process is root, files belong to whom the guest says: a guest's root
// makes files of the host's root, and set-user-ID ones too. Share a directory that no
// other user of the host reaches, or a file system mounted nosuid. Otherwise, or with
// Config.Squash, the files are squashed: whatever the guest makes belongs to this process's user, chown
// to anybody else is EPERM, and regular files lose set-user-ID and set-group-ID
// bits. The guest's kernel checks permissions by the owners that it sees. Extended
// attributes are those of "user." only.
//
// # Limits
//
// What a guest holds are descriptors of this process; Config bounds them, and a reset
// or an unmount of the guest closes them all. The guest believes what it was told of
// a file for a second: changes by the host are seen no later.
package fs
