package drive

import (
	"encoding/binary"
	"time"
)

// Queue is a split queue from the driver's side.
type Queue struct {
	Size              uint16
	Desc, Avail, Used uint64 // addresses

	d         *Driver
	index     uint32
	nextDesc  uint16
	nextAvail uint16
	nextUsed  uint16
}

// setup makes a queue and tells the device of it.
func (d *Driver) setup(i int, size uint16) *Queue {
	n := int(size)
	q := &Queue{Size: size, Desc: d.Alloc(16 * n), Avail: d.Alloc(6 + 2*n), Used: d.Alloc(6 + 8*n), d: d, index: uint32(i)}
	d.SetReg(QueueSel, q.index)
	d.SetReg(QueueSize, uint32(size))
	for reg, gpa := range map[uint64]uint64{QueueDesc: q.Desc, QueueAvail: q.Avail, QueueUsed: q.Used} {
		d.SetReg(reg, uint32(gpa))
		d.SetReg(reg+4, uint32(gpa>>32))
	}
	d.SetReg(QueueReady, 1)
	return q
}

// Flags of a descriptor.
const (
	Next     = 1
	Write    = 2
	Indirect = 4
)

// Buffer is one descriptor's.
type Buffer struct {
	GPA   uint64
	Size  int
	Write bool // the device writes it
}

// In is memory for an answer of n bytes.
func (d *Driver) In(n int) Buffer { return Buffer{d.Alloc(n), n, true} }

// Out is memory with p in it.
func (d *Driver) Out(p []byte) Buffer {
	gpa := d.Alloc(len(p))
	d.Put(gpa, p)
	return Buffer{gpa, len(p), false}
}

// Encode makes a descriptor.
func Encode(gpa uint64, size uint32, flags, next uint16) []byte {
	b := binary.LittleEndian.AppendUint64(nil, gpa)
	b = binary.LittleEndian.AppendUint32(b, size)
	b = binary.LittleEndian.AppendUint16(b, flags)
	return binary.LittleEndian.AppendUint16(b, next)
}

// chain encodes descriptors that follow each other from index first on.
func chain(buffers []Buffer, first, size uint16) (descs [][]byte, indexes []uint16) {
	for i, b := range buffers {
		var flags uint16
		if b.Write {
			flags |= Write
		}
		if i < len(buffers)-1 {
			flags |= Next
		}
		at := (first + uint16(i)) % size
		descs = append(descs, Encode(b.GPA, uint32(b.Size), flags, (at+1)%size))
		indexes = append(indexes, at)
	}
	return descs, indexes
}

// Add makes a chain available, without ringing. It returns its head. The driver
// uses descriptors in turn: not more than the queue has may be out.
func (q *Queue) Add(buffers ...Buffer) uint16 {
	descs, at := chain(buffers, q.nextDesc, q.Size)
	for i, b := range descs {
		q.d.Put(q.Desc+16*uint64(at[i]), b)
	}
	head := q.nextDesc
	q.nextDesc = (q.nextDesc + uint16(len(descs))) % q.Size
	q.Offer(head)
	return head
}

// AddIndirect is Add with an indirect table.
func (q *Queue) AddIndirect(buffers ...Buffer) uint16 {
	descs, _ := chain(buffers, 0, uint16(len(buffers)))
	gpa := q.d.Alloc(16 * len(descs))
	for i, b := range descs {
		q.d.Put(gpa+16*uint64(i), b)
	}
	head := q.nextDesc
	q.d.Put(q.Desc+16*uint64(head), Encode(gpa, uint32(16*len(descs)), Indirect, 0))
	q.nextDesc = (q.nextDesc + 1) % q.Size
	q.Offer(head)
	return head
}

// Offer puts a head into the available ring.
func (q *Queue) Offer(head uint16) {
	slot := uint64(q.nextAvail % q.Size)
	q.d.Put(q.Avail+4+2*slot, binary.LittleEndian.AppendUint16(nil, head))
	q.nextAvail++
	q.SetAvailIndex(q.nextAvail)
}

// SetAvailIndex writes the index of the available ring.
func (q *Queue) SetAvailIndex(v uint16) {
	q.d.T.Helper()
	if err := q.d.Space.StoreUint16(q.Avail+2, v); err != nil {
		q.d.T.Fatal(err)
	}
}

// Kick rings the doorbell.
func (q *Queue) Kick() { q.d.SetReg(QueueNotify, q.index) }

// UsedIndex reads the index of the used ring.
func (q *Queue) UsedIndex() uint16 {
	q.d.T.Helper()
	v, err := q.d.Space.LoadUint16(q.Used + 2)
	if err != nil {
		q.d.T.Fatal(err)
	}
	return v
}

// WaitUsed waits for the next chain that the device gives back.
func (q *Queue) WaitUsed() (head uint16, written int) {
	q.d.T.Helper()
	q.wantInterrupts()
	for end := time.Now().Add(Patience); q.UsedIndex() == q.nextUsed; {
		if err := q.d.IRQ.Within(time.Until(end)); err != nil {
			q.d.T.Fatalf("queue %d: %v; status %#x", q.index, err, q.d.Reg(Status))
		}
		q.d.SetReg(InterruptACK, q.d.Reg(InterruptStatus))
	}
	b := q.d.Get(q.Used+4+8*uint64(q.nextUsed%q.Size), 8)
	q.nextUsed++
	return uint16(binary.LittleEndian.Uint32(b)), int(binary.LittleEndian.Uint32(b[4:]))
}

// wantInterrupts asks for an interrupt at the next chain, by the event index too.
func (q *Queue) wantInterrupts() {
	q.d.Put(q.Avail+4+2*uint64(q.Size), binary.LittleEndian.AppendUint16(nil, q.nextUsed))
}

// Do sends one request and waits for its answer: out is what the device reads and
// in how many bytes it may write. It returns what it has written.
func (q *Queue) Do(out []byte, in int) []byte {
	q.d.T.Helper()
	defer q.d.Rewind()()
	buffers := []Buffer{}
	if len(out) > 0 {
		buffers = append(buffers, q.d.Out(out))
	}
	answer := q.d.In(in)
	if in > 0 {
		buffers = append(buffers, answer)
	}
	q.wantInterrupts()
	q.Add(buffers...)
	q.Kick()
	_, n := q.WaitUsed()
	return q.d.Get(answer.GPA, min(n, in))
}
