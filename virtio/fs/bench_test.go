package fs

import (
	"fmt"
	"os"
	"testing"
)

// Benchmarks of requests one after the other, through the queue.

func BenchmarkLookup(b *testing.B) {
	c := newClient(b, Config{})
	names := make([]string, 100)
	for i := range names {
		names[i] = fmt.Sprint("file", i)
		if err := os.WriteFile(c.at(names[i]), nil, 0o600); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for i := range b.N {
		c.forget(c.lookup(rootNode, names[i%len(names)]), 1)
	}
}

func BenchmarkData(b *testing.B) {
	for _, size := range []int{4 << 10, maxWrite} {
		c := newClient(b, Config{})
		node, fh := c.create(rootNode, "f")
		data := make([]byte, size)
		b.Run(fmt.Sprintf("write/%dK", size>>10), func(b *testing.B) {
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for range b.N {
				c.write(node, fh, 0, data)
			}
		})
		b.Run(fmt.Sprintf("read/%dK", size>>10), func(b *testing.B) {
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for range b.N {
				c.read(node, fh, 0, size)
			}
		})
	}
}

func BenchmarkCreate(b *testing.B) {
	c := newClient(b, Config{})
	b.ReportAllocs()
	for i := range b.N {
		name := fmt.Sprint("file", i)
		node, fh := c.create(rootNode, name)
		c.release(opRelease, node, fh)
		c.must(0, opUnlink, rootNode, name)
		c.forget(node, 1)
	}
}
