package linux

import (
	"context"
	"math"

	"linuxkvm/virtio/balloon"
)

// MemoryStats is what the guest says of its memory, in bytes or numbers of events.
type MemoryStats = balloon.Stats

// SetBalloon asks the guest to give up bytes of its memory to the host, or to take
// some back if they are fewer than before. The guest does it when it can, and does not
// give what it needs: see Balloon.
func (vm *VM) SetBalloon(bytes uint64) {
	vm.balloon.SetTarget(uint32(min(bytes/balloon.PageSize, math.MaxUint32)))
}

// Balloon returns how many bytes of its memory the guest has given up because it was
// asked to. Memory that it does not use it gives back besides, by itself.
func (vm *VM) Balloon() uint64 { return uint64(vm.balloon.Actual()) * balloon.PageSize }

// MemoryStats asks the guest about its memory.
func (vm *VM) MemoryStats(ctx context.Context) (MemoryStats, error) { return vm.balloon.Stats(ctx) }
