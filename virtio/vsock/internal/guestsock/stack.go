// Package guestsock is a guest's side of the socket device, for tests: what a kernel
// does with the queues, and sockets on top. It shares no code with the device.
package guestsock

import (
	"encoding/binary"
	"net"
	"sync"
	"syscall"

	"linuxkvm/virtio/internal/drive"
)

// Packet is a packet with its header.
type Packet struct {
	Src, Dst          uint64 // CIDs
	SrcPort, DstPort  uint32
	Type, Op          uint16
	Flags, Alloc, Fwd uint32
	Data              []byte
}

// Operations.
const (
	Request       = 1
	Response      = 2
	RST           = 3
	Shutdown      = 4
	RW            = 5
	CreditUpdate  = 6
	CreditRequest = 7
)

// HeaderSize is that of a packet's header.
const HeaderSize = 44

// Encode makes the bytes of a packet.
func (p *Packet) Encode() []byte {
	le := binary.LittleEndian
	b := le.AppendUint64(nil, p.Src)
	b = le.AppendUint64(b, p.Dst)
	b = le.AppendUint32(b, p.SrcPort)
	b = le.AppendUint32(b, p.DstPort)
	b = le.AppendUint32(b, uint32(len(p.Data)))
	b = le.AppendUint16(b, p.Type)
	b = le.AppendUint16(b, p.Op)
	for _, v := range []uint32{p.Flags, p.Alloc, p.Fwd} {
		b = le.AppendUint32(b, v)
	}
	return append(b, p.Data...)
}

// Decode is the opposite.
func Decode(b []byte) (p Packet, ok bool) {
	if len(b) < HeaderSize {
		return p, false
	}
	le := binary.LittleEndian
	p = Packet{
		le.Uint64(b), le.Uint64(b[8:]), le.Uint32(b[16:]), le.Uint32(b[20:]),
		le.Uint16(b[28:]), le.Uint16(b[30:]), le.Uint32(b[32:]), le.Uint32(b[36:]), le.Uint32(b[40:]), b[44:],
	}
	return p, int(le.Uint32(b[24:])) == len(p.Data)
}

// What a buffer holds, as in Linux, and how many there are.
const (
	recvSize = 4 << 10
	sendSize = 16<<10 + HeaderSize
	recvBufs = 256
	sendBufs = 64
)

// Stack is a guest's sockets.
type Stack struct {
	d   *drive.Driver
	cid uint64

	mu        sync.Mutex
	change    *sync.Cond
	rx, tx    *drive.Pool
	out       [][]byte // packets that wait for a buffer
	conns     map[key]*Conn
	listeners map[uint32]*listener
	port      uint32
}

type key struct{ guest, host uint32 }

// New starts the driver of a device. It ends with the test.
func New(d *drive.Driver, without uint64) *Stack {
	d.T.Helper()
	d.Start(without)
	s := &Stack{d: d, cid: binary.LittleEndian.Uint64(d.Config(0, 8)), conns: map[key]*Conn{}, listeners: map[uint32]*listener{}, port: 1024}
	s.change = sync.NewCond(&s.mu)
	s.rx, s.tx = d.NewPool(0, recvBufs, recvSize, true), d.NewPool(1, sendBufs, sendSize, false)
	s.poll()
	d.T.Cleanup(d.Interrupts(s.poll))
	return s
}

// poll does what there is to do.
func (s *Stack) poll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for b := s.rx.Recv(); b != nil; b = s.rx.Recv() {
		if p, ok := Decode(b); ok {
			s.take(&p)
		} else {
			s.d.T.Errorf("the device sent a packet that is none: %x", b)
		}
	}
	s.rx.Fill()
	s.flush()
	s.change.Broadcast()
}

// flush sends what waits, as far as there are buffers.
func (s *Stack) flush() {
	for b := s.tx.Recv(); b != nil; b = s.tx.Recv() {
		continue
	}
	for len(s.out) > 0 && s.tx.Free() > 0 {
		s.tx.Send(s.out[0])
		s.out = s.out[1:]
	}
}

func (s *Stack) send(p *Packet) {
	s.out = append(s.out, p.Encode())
	s.flush()
}

// take acts on a packet.
func (s *Stack) take(p *Packet) {
	if p.Src != 2 || p.Dst != s.cid || p.Type != 1 {
		s.d.T.Errorf("a packet for somebody else: %+v", p)
		return
	}
	c := s.conns[key{p.DstPort, p.SrcPort}]
	switch l := s.listeners[p.DstPort]; {
	case c != nil:
		c.take(p)
	case p.Op == Request && l != nil:
		c := s.newConn(p.DstPort, p.SrcPort)
		c.state, c.alloc, c.fwd = established, p.Alloc, p.Fwd
		c.send(Response, 0, nil)
		l.backlog = append(l.backlog, c)
	case p.Op != RST:
		s.send(&Packet{Src: s.cid, Dst: 2, SrcPort: p.DstPort, DstPort: p.SrcPort, Type: 1, Op: RST})
	}
}

func (s *Stack) newConn(guest, host uint32) *Conn {
	c := &Conn{s: s, key: key{guest, host}}
	s.conns[c.key] = c
	return c
}

// Conns is how many connections there are.
func (s *Stack) Conns() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// Dial connects to a port of the host.
func (s *Stack) Dial(port uint32) (*Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.port++
	c := s.newConn(s.port, port)
	c.send(Request, 0, nil)
	for c.state == connecting {
		s.change.Wait()
	}
	if c.state == dead {
		return nil, syscall.ECONNREFUSED
	}
	return c, nil
}

type listener struct {
	s       *Stack
	port    uint32
	backlog []*Conn
}

// Listen takes connections to a port of the guest.
func (s *Stack) Listen(port uint32) net.Listener {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := &listener{s: s, port: port}
	s.listeners[port] = l
	return l
}

func (l *listener) Accept() (net.Conn, error) {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	for len(l.backlog) == 0 {
		if l.s.listeners[l.port] != l {
			return nil, net.ErrClosed
		}
		l.s.change.Wait()
	}
	c := l.backlog[0]
	l.backlog = l.backlog[1:]
	return c, nil
}

func (l *listener) Close() error {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	delete(l.s.listeners, l.port)
	l.s.change.Broadcast()
	return nil
}

func (l *listener) Addr() net.Addr { return addr("guest") }

type addr string

func (addr) Network() string  { return "guestsock" }
func (a addr) String() string { return string(a) }
