// Package vsock is the socket device (virtio 1.2, section 5.10): connections between
// programs of the guest and of the host without a network. The host's side is this
// process: [Device.Dial] connects to a listener of the guest, and [Device.Listen]
// takes connections that the guest makes to CID 2.
//
// A slow reader holds up its own connection and no other: each side tells the other
// how much it may send. The memory that a guest can make the host keep is bounded by
// the number of connections.
package vsock
