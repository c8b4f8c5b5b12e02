// Package image makes disks of container images: from a registry, or from an archive
// that docker save or podman save wrote. A disk is an ext4 file system with the
// image's layers applied; it is made once for each image, and never written to by a
// guest: what a guest writes goes to a layer of its own.
package image
