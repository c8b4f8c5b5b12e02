package kvm

import (
	"bytes"
	"encoding/binary"
	"math"
	"reflect"
	"testing"

	"golang.org/x/sys/unix"

	"linuxkvm/internal/sys"
	"linuxkvm/uapi"
)

// io makes KVM_EXIT_IO.
func (c *vcpuCore) io(direction, size uint8, port uint16, count uint32, offset uint64) Exit {
	*c.page.IO() = uapi.RunIO{Direction: direction, Size: size, Port: port, Count: count, DataOffset: offset}
	return c.exitWith(uapi.ExitIO)
}

func TestIOExit(t *testing.T) {
	c := fakeVCPU(t)
	copy(c.run.Bytes()[0x1000:], "abcdefgh")
	x := c.io(uapi.ExitIOOut, 2, 0x3f8, 3, 0x1000).IO()
	if x.Port != 0x3f8 || x.Size != 2 || x.Count != 3 || !x.Out || x.Data().Len() != 6 {
		t.Errorf("IO = %+v", x)
	}
	p := make([]byte, 8)
	if n := x.Data().CopyTo(p); n != 6 || string(p) != "abcdef\x00\x00" {
		t.Errorf("the data are %q (%d)", p, n)
	}
	for i, want := range []string{"ab", "cd", "ef"} {
		if n := x.Access(i).CopyTo(p); string(p[:n]) != want {
			t.Errorf("access %d is %q, want %q", i, p[:n], want)
		}
	}
	for _, i := range []int{-1, 3, math.MaxInt, math.MinInt, math.MaxInt / 2} {
		if n := x.Access(i).Len(); n != 0 {
			t.Errorf("access %d of 3 has %d bytes", i, n)
		}
	}
	in := c.io(uapi.ExitIOIn, 1, 0x60, 1, 0x1000).IO()
	if in.Out {
		t.Error("a read passes for a write")
	}
	in.Data().SetUint64(0x1234)
	if got := string(c.run.Bytes()[0x1000:0x1003]); got != "\x34bc" && !bigEndian {
		t.Errorf("the answer reads %q, want only its first byte changed", got)
	}
	if got := in.Data().Uint64(); got != 0x34 {
		t.Errorf("the answer reads %#x", got)
	}
}

func TestIOExitWithBadOffsets(t *testing.T) {
	c := fakeVCPU(t)
	end := uint64(c.run.Size())
	for _, bad := range []struct {
		size   uint8
		count  uint32
		offset uint64
	}{
		{1, 1, end},
		{4, 1, end - 3},
		{1, 1, math.MaxUint64},
		{4, 1, math.MaxUint64 - 1},
		{255, math.MaxUint32, 0},
		{255, math.MaxUint32, math.MaxUint64},
		{1, 1, 1 << 63},
	} {
		x := c.io(uapi.ExitIOIn, bad.size, 1, bad.count, bad.offset).IO()
		before := bytes.Clone(c.run.Bytes())
		if n := x.Data().Len(); n != 0 {
			t.Errorf("%+v: %d bytes of data", bad, n)
		}
		if n := x.Data().CopyFrom([]byte{1, 2, 3, 4}); n != 0 {
			t.Errorf("%+v: %d bytes stored", bad, n)
		}
		x.Data().SetUint64(math.MaxUint64)
		x.Access(0).SetUint64(math.MaxUint64)
		if x.Data().Uint64() != 0 || !bytes.Equal(before, c.run.Bytes()) {
			t.Errorf("%+v: the run area changed", bad)
		}
	}
	if n := c.io(uapi.ExitIOIn, 4, 1, 1, end-4).IO().Data().Len(); n != 4 {
		t.Errorf("the last 4 bytes of the run area: %d bytes", n)
	}
}

func TestMMIOAndIOCSRExits(t *testing.T) {
	c := fakeVCPU(t)
	for _, n := range []uint32{1, 2, 4, 8} {
		*c.page.MMIO() = uapi.RunMMIO{PhysAddr: 0xfee00000, Data: [8]byte{1, 2, 3, 4, 5, 6, 7, 8}, Len: n, IsWrite: 1}
		x := c.exitWith(uapi.ExitMMIO).MMIO()
		r := c.exitWith(uapi.ExitLoongarchIOCSR).LoongarchIOCSR()
		if x.GPA != 0xfee00000 || !x.Write || r.Addr != x.GPA || !r.Write {
			t.Errorf("MMIO = %+v, IOCSR = %+v", x, r)
		}
		for _, d := range []Data{x.Data(), c.exitWith(uapi.ExitLoongarchIOCSR).LoongarchIOCSR().Data()} {
			p := make([]byte, 8)
			if got := d.CopyTo(p); got != int(n) || !bytes.Equal(p[:n], []byte{1, 2, 3, 4, 5, 6, 7, 8}[:n]) {
				t.Errorf("%d bytes of data: %v (%d)", n, p, got)
			}
		}
		x.Data().SetUint64(0x1112131415161718)
		var want [8]byte
		binary.NativeEndian.PutUint64(want[:], 0x1112131415161718)
		if got := c.page.MMIO().Data; !bigEndian && (!bytes.Equal(got[:n], want[:n]) || n < 8 && got[n] != byte(n+1)) {
			t.Errorf("an answer of %d bytes: %v", n, got)
		}
	}
	for _, n := range []uint32{9, math.MaxUint32} {
		*c.page.MMIO() = uapi.RunMMIO{Len: n}
		if got := c.exitWith(uapi.ExitMMIO).MMIO().Data().Len(); got != 0 {
			t.Errorf("an MMIO exit of %d bytes has %d bytes of data", n, got)
		}
		if got := c.exitWith(uapi.ExitLoongarchIOCSR).LoongarchIOCSR().Data().Len(); got != 0 {
			t.Errorf("an IOCSR exit of %d bytes has %d bytes of data", n, got)
		}
	}
}

func TestDataAsNumbersOfEveryWidth(t *testing.T) {
	c := fakeVCPU(t)
	copy(c.run.Bytes()[0x1000:], []byte{1, 2, 3, 4, 5, 6, 7, 8, 9})
	for n := range 10 {
		d := c.io(uapi.ExitIOIn, 1, 1, uint32(n), 0x1000).IO().Data()
		want := uint64(0)
		for i := range min(n, 8) {
			if bigEndian {
				want = want<<8 | uint64(i+1)
			} else {
				want |= uint64(i+1) << (8 * i)
			}
		}
		if got := d.Uint64(); got != want {
			t.Errorf("%d bytes are %#x, want %#x", n, got, want)
		}
		d.SetUint64(want)
		if p := c.run.Bytes()[0x1000:0x1009]; !bytes.Equal(p, []byte{1, 2, 3, 4, 5, 6, 7, 8, 9}) {
			t.Errorf("%d bytes written back: %v", n, p)
		}
	}
}

func TestDataParts(t *testing.T) {
	c := fakeVCPU(t)
	copy(c.run.Bytes()[0x1000:], "0123456789")
	d := c.io(uapi.ExitIOOut, 1, 1, 10, 0x1000).IO().Data()
	p := make([]byte, 10)
	if n := d.Part(2, 3).Part(1, 2).CopyTo(p); string(p[:n]) != "34" {
		t.Errorf("a part of a part is %q", p[:n])
	}
	for _, bad := range [][2]int{{-1, 1}, {0, -1}, {0, 11}, {10, 1}, {11, 0}, {math.MaxInt, math.MaxInt}} {
		if n := d.Part(bad[0], bad[1]).Len(); n != 0 {
			t.Errorf("Part(%d, %d) of 10 bytes has %d", bad[0], bad[1], n)
		}
	}
}

// FuzzRunPage reads a run area of any content through every accessor of Exit, as
// the exit of any reason, and answers it. A read or write outside of the area ends
// the process: on both sides of it there are pages that nobody may touch.
func FuzzRunPage(f *testing.F) {
	f.Add([]byte{}, uint32(uapi.ExitIO))
	f.Add(bytes.Repeat([]byte{0xff}, 300), uint32(uapi.ExitMMIO))
	f.Add(bytes.Repeat([]byte{1}, 300), uint32(uapi.ExitInternalError))
	for _, r := range known() {
		f.Add(bytes.Repeat([]byte{0x7f}, 64), uint32(r))
	}
	accessors := map[uapi.ExitReason]reflect.Method{}
	for _, r := range known() {
		accessors[r], _ = accessor(r)
	}
	page := sys.PageSize()
	for _, offset := range []uint64{uint64(3 * page), uint64(3*page - 1), math.MaxUint64, math.MaxUint64 - 7} {
		var run uapi.Run
		*run.IO() = uapi.RunIO{Size: 8, Count: 1, DataOffset: offset}
		var b bytes.Buffer
		must(f, binary.Write(&b, binary.NativeEndian, run.Union[:]))
		f.Add(append(make([]byte, offsetUnion), b.Bytes()...), uint32(uapi.ExitIO))
	}
	f.Fuzz(func(t *testing.T, content []byte, reason uint32) {
		c := guardedVCPU(t)
		defer c.fd.Close()
		for _, r := range append(known(), uapi.ExitReason(reason)) {
			clear(c.area)
			copy(c.area, content)
			e := c.exitWith(r)
			_, _, _ = e.Raw(), e.Flags(), e.EmulationFailure()
			_ = e.Reason().String()
			if m, ok := accessors[r]; ok {
				readAll(t, call(m, e), len(c.area))
			}
		}
	})
}

// guardedVCPU is a fake vCPU whose run area is between two pages that nobody may
// touch.
func guardedVCPU(tb testing.TB) *vcpuCore {
	tb.Helper()
	c, page := fakeVCPU(tb), sys.PageSize()
	whole, err := unix.Mmap(-1, 0, 5*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	must(tb, err)
	tb.Cleanup(func() { must(tb, unix.Munmap(whole)) })
	must(tb, unix.Mprotect(whole[:page], unix.PROT_NONE))
	must(tb, unix.Mprotect(whole[4*page:], unix.PROT_NONE))
	c.area = whole[page : 4*page : 4*page]
	c.page = pageOf(c.area)
	return c
}

// readAll calls every method of an exit's details, and those of what they return.
func readAll(t *testing.T, v reflect.Value, size int) {
	if d, ok := v.Interface().(Data); ok {
		readData(t, d, size)
		return
	}
	if v.Kind() != reflect.Struct {
		return
	}
	for i := range v.NumMethod() {
		if m := v.Method(i).Type(); m.NumIn() == 0 && m.NumOut() == 1 {
			readAll(t, v.Method(i).Call(nil)[0], size)
		}
	}
	if x, ok := v.Interface().(IOExit); ok {
		for _, i := range []int{0, 1, int(x.Count) - 1, int(x.Count), math.MaxInt} {
			readData(t, x.Access(i), size)
		}
	}
	answers(v)
}

func readData(t *testing.T, d Data, size int) {
	if d.Len() == 0 {
		return
	}
	p := make([]byte, size+1)
	if n := d.CopyTo(p); n != d.Len() || n > size {
		t.Errorf("%d bytes copied of %d", n, d.Len())
	}
	if n := d.CopyFrom(p); n != d.Len() {
		t.Errorf("%d bytes stored of %d", n, d.Len())
	}
	d.SetUint64(d.Uint64())
	d.Part(d.Len()/2, d.Len()).SetUint64(1)
	d.Part(d.Len()/2, d.Len()/2).SetUint64(1)
}
