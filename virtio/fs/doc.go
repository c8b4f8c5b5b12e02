// Package fs is the beginning of the file system device (virtio 1.2, section 5.11):
// its configuration, the rules that a request is held to before a file system sees
// it, and how a name is looked up without leaving a directory. The device and the
// file system are not here yet.
package fs
