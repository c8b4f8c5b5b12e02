//go:build linux

package uapi

import (
	"iter"
	"strconv"
)

// Cap is a capability, which KVM_CHECK_EXTENSION asks about.
type Cap uint32

// String returns the capability's name in C, "KVM_CAP_IRQFD", or "Cap(999)" for
// one that the headers do not know.
func (c Cap) String() string { return nameOf(capNames[:], uint32(c), "Cap") }

// Caps yields every capability that the headers know, in the order of their
// numbers, those of all architectures.
func Caps() iter.Seq[Cap] { return known[Cap](capNames[:]) }

// ExitReason is why KVM_RUN returned: the member exit_reason of [Run].
type ExitReason uint32

// String returns the reason's name in C, "KVM_EXIT_IO", or "ExitReason(999)" for
// one that the headers do not know.
func (r ExitReason) String() string { return nameOf(exitNames[:], uint32(r), "ExitReason") }

// ExitReasons yields every exit reason that the headers know, in the order of
// their numbers, those of all architectures.
func ExitReasons() iter.Seq[ExitReason] { return known[ExitReason](exitNames[:]) }

func nameOf(names []string, n uint32, kind string) string {
	if uint64(n) < uint64(len(names)) && names[n] != "" {
		return names[n]
	}
	return kind + "(" + strconv.FormatUint(uint64(n), 10) + ")"
}

func known[T ~uint32](names []string) iter.Seq[T] {
	return func(yield func(T) bool) {
		for n, name := range names {
			if name != "" && !yield(T(n)) {
				return
			}
		}
	}
}
