package virtio

import (
	"testing"

	"linuxkvm/memory"
)

type silent struct{}

func (silent) Signal() error         { return nil }
func (silent) Wait() (uint64, error) { return 1, nil }

// Taking chains and giving them back allocates nothing.
func TestNoAllocations(t *testing.T) {
	region, err := memory.New(1 << 16)
	if err != nil {
		t.Fatal(err)
	}
	space := new(memory.Space)
	t.Cleanup(func() {
		if err := space.Close(); err != nil {
			t.Error(err)
		}
		if err := region.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := space.Map(0, region); err != nil {
		t.Fatal(err)
	}
	q := &Queue{
		cfg: QueueConfig{Size: 4, Desc: 0x1000, Avail: 0x2000, Used: 0x3000}, mem: space, bell: silent{},
		interrupt: func() {}, onBroken: func(err error) { t.Error(err) },
	}
	two := []byte{0, 0x40, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, descNext, 0, 1, 0, 0, 0x50, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, descWrite, 0, 0, 0}
	if _, err := space.WriteAt(two, 0x1000); err != nil {
		t.Fatal(err)
	}
	var data [8]byte
	allocs := testing.AllocsPerRun(100, func() {
		if err := space.StoreUint16(0x2000+ringIndex, q.next+1); err != nil {
			t.Fatal(err)
		}
		c, err := q.Next()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Readable.Read(data[:]); err != nil {
			t.Fatal(err)
		}
		if err := c.Release(0); err != nil {
			t.Fatal(err)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations a chain", allocs)
	}
}
