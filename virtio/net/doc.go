// Package net is the network device (virtio 1.2, section 5.1): Ethernet frames between
// the guest and a [Backend], which is what they reach: package tap is an interface of
// the host's kernel, package usernet a network in this process that needs no
// privilege.
//
// What the guest sends is bounded to one packet at a time, of 64 KiB. What is for the
// guest waits in the backend, which has a bound of its own: a guest that takes
// nothing loses packets, as on any network.
package net
