// Package blk is the virtio block device (virtio 1.2, section 5.2), and what can
// stand behind it: a file as it is ([OpenRaw]), a qcow2 image ([OpenQCOW2]), and a
// private layer over either that is gone when it is closed ([NewOverlay]).
//
// A guest reads and writes where it likes on its disk and nowhere else. Whatever
// length a request claims, it is moved in pieces through a buffer of a fixed size.
// What the host's disk cannot do is an I/O error for the guest, is told to
// Config.OnError, and ends nothing.
package blk
