package drive

import "encoding/binary"

// TryUsed is WaitUsed that does not wait. After it has said false, there will be an
// interrupt.
func (q *Queue) TryUsed() (head uint16, written int, ok bool) {
	q.d.T.Helper()
	q.wantInterrupts()
	if q.UsedIndex() == q.nextUsed {
		return 0, 0, false
	}
	b := q.d.Get(q.Used+4+8*uint64(q.nextUsed%q.Size), 8)
	q.nextUsed++
	return uint16(binary.LittleEndian.Uint32(b)), int(binary.LittleEndian.Uint32(b[4:])), true
}

// Interrupts calls f at each interrupt, on a goroutine, until stop is called. Those
// of a queue come if TryUsed has said false.
func (d *Driver) Interrupts(f func()) (stop func()) {
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-end:
				return
			case <-d.IRQ.c:
				d.SetReg(InterruptACK, d.Reg(InterruptStatus))
				f()
			}
		}
	}()
	return func() { close(end); <-ended }
}

// Pool is a queue whose chains have one buffer each, of one size. It is for devices
// that give chains back in order.
type Pool struct {
	*Queue
	buffers []Buffer
	head    map[uint16]Buffer
}

// NewPool makes one with up to n buffers, which the device writes, or reads.
func (d *Driver) NewPool(queue, n, size int, write bool) *Pool {
	q := d.Queue(queue)
	p := &Pool{Queue: q, head: map[uint16]Buffer{}}
	for range min(n, int(q.Size)) {
		b := d.In(size)
		b.Write = write
		p.buffers = append(p.buffers, b)
	}
	return p
}

// Fill makes all buffers that are not out available, empty.
func (p *Pool) Fill() {
	for p.Free() > 0 {
		b := p.take()
		p.head[p.Add(b)] = b
	}
	p.Kick()
}

// Free is how many buffers are not out.
func (p *Pool) Free() int { return len(p.buffers) }

func (p *Pool) take() Buffer {
	b := p.buffers[0]
	p.buffers = p.buffers[1:]
	return b
}

// Send makes a buffer with data available.
func (p *Pool) Send(data []byte) {
	b := p.take()
	p.d.Put(b.GPA, data)
	p.head[p.Add(Buffer{b.GPA, len(data), false})] = b
	p.Kick()
}

// Recv takes a buffer back and returns what the device wrote, nil if there is none.
func (p *Pool) Recv() []byte {
	head, n, ok := p.TryUsed()
	if !ok {
		return nil
	}
	b := p.head[head]
	delete(p.head, head)
	p.buffers = append(p.buffers, b)
	return p.d.Get(b.GPA, min(n, b.Size))
}

// SetUsedEvent asks for an interrupt when the index of the used ring passes v.
func (q *Queue) SetUsedEvent(v uint16) {
	q.d.T.Helper()
	q.d.Put(q.Avail+4+2*uint64(q.Size), binary.LittleEndian.AppendUint16(nil, v))
}
