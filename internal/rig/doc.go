// Package rig gives tests a real, in-kernel KVM on any Linux machine, without
// privileges and without virtualization hardware.
//
// A [Lane] is an architecture and a kernel. [Boot] starts its stock Debian kernel
// under QEMU, which emulates the processor together with its hypervisor
// extensions, so that the kernel in it offers a true /dev/kvm. The guest's user
// space is an initramfs made here: a static init, the modules of KVM, and the
// files that the caller names. [Session.Run] runs commands in it, one after the
// other, and returns their status, output and files.
//
// Whatever goes wrong with the guest rather than with a command is a [*Failure]
// with a typed [Reason] and the end of the console.
//
// Kernels are fetched once as Debian packages into a cache in the user's cache
// directory (LINUXKVM_CACHE names another one); every file is checked against a
// recorded SHA-256 each time it is used. With a warm cache no network is needed.
package rig
