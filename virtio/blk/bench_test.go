package blk_test

import (
	"fmt"
	"testing"

	"linuxkvm/virtio/blk"
	"linuxkvm/virtio/internal/drive"
)

// BenchmarkQueue is requests through the queue to a file, one after the other and
// 16 at a time.
func BenchmarkQueue(b *testing.B) {
	for _, kind := range []uint32{typeIn, typeOut} {
		for _, size := range []int{4 << 10, 1 << 20} {
			for _, depth := range []int{1, 16} {
				if depth*size > 4<<20 {
					depth = 4 // as much as the test's guest has memory for
				}
				name := fmt.Sprintf("%s/%dK/depth%d", map[uint32]string{typeIn: "read", typeOut: "write"}[kind], size>>10, depth)
				b.Run(name, func(b *testing.B) { benchmark(b, kind, size, depth) })
			}
		}
	}
}

func benchmark(b *testing.B, kind uint32, size, depth int) {
	const diskSize = 16 << 20
	d := newDriver(b, blk.Config{Disk: openRaw(b, newFile(b, make([]byte, diskSize)), false)}, 0)
	q := d.Queue(0)
	// Each request that is out has its own buffers, filled in once.
	sets := make([][]drive.Buffer, depth)
	for i := range sets {
		sets[i] = []drive.Buffer{d.Out(header(kind, uint64(i*size/512))), d.In(size), d.In(1)}
		sets[i][1].Write = kind == typeIn
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	b.ResetTimer()
	out := 0
	for i := range b.N {
		q.Add(sets[i%depth]...)
		q.Kick()
		if out++; out == depth {
			q.WaitUsed()
			out--
		}
	}
	for range out {
		q.WaitUsed()
	}
}
