// Package memory is guest RAM on the host's side: a [Region] is one mapping of
// host memory, a [Space] says which region stands at which guest-physical
// address (GPA).
//
// Every access is checked: an offset or GPA outside RAM is an error that wraps
// [ErrRange], a closed region is [ErrClosed]; neither is ever a fault. A guest
// runs on this memory at the same time, so nothing read from it may be trusted
// to read the same twice: copy first, then check the copy.
//
// The Go race detector does not see what a guest does, nor these mappings.
// [Region.ReadAt] and [Region.WriteAt] promise no order between bytes; where
// order matters (rings shared with a driver) use the atomic accessors.
package memory
