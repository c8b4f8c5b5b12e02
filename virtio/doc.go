// Package virtio is the transport of virtual devices: split queues in the guest's
// memory, and the registers over memory-mapped I/O (virtio 1.2, sections 2.7 and
// 4.2) by which a driver finds a device and its queues. The devices themselves are
// in the folders below.
//
// # Hostile guests
//
// Every byte of a queue is the guest's to write, at any time. So what is read is
// copied once and then checked; lengths are bounded; loops are bounded by what a
// queue can hold; an address is only ever given to [Memory], which checks it. A
// driver that breaks the rules gets a broken device: it needs a reset, and says so
// in its status register, while the host goes on.
//
// # Who runs what
//
// A vCPU thread only writes registers. Each device has goroutines of its own, which
// live from the driver's DRIVER_OK to the next reset, wait for chains with
// [Queue.Next], and give them back with [Chain.Release]. Where the doorbell of a
// queue is an ioeventfd, a notification does not leave the kernel.
package virtio
