// Package tap is a backend of virtio/net: a TAP interface of the host's kernel, which
// is like a cable from the guest into the host. What the guest reaches is what the
// host lets it: addresses, routes, a bridge and filters of the interface are the
// caller's to set up, for instance with ip(8).
//
// An interface needs CAP_NET_ADMIN to be made; one that was made before for a user
// (ip tuntap add dev tap0 mode tap user NAME vnet_hdr) needs nothing. Where neither
// can be had, package usernet is a network without privilege.
package tap
