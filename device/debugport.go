package device

import (
	"io"
	"sync"
)

const (
	// DebugPortSize is the number of addresses that a DebugPort takes.
	DebugPortSize = 1

	debugPortLine = 256
)

// DebugPort is a port whose bytes go to a writer: text at Bochs' port 0xe9, or
// the progress codes of firmware at port 0x80. It is for whoever debugs a guest,
// and simple: a line is written when it ends or has 256 bytes, on the vCPU's
// thread, which waits for the writer. After an error it drops what comes.
type DebugPort struct {
	id uint8

	mu   sync.Mutex
	out  io.Writer
	line []byte
	err  error
}

// NewDebugPort makes a port that writes to out. Reads of it give id: 0xe9 tells
// a guest that Bochs' port is there.
func NewDebugPort(id uint8, out io.Writer) *DebugPort {
	return &DebugPort{id: id, out: out, line: make([]byte, 0, debugPortLine)}
}

// Read fills p with the id.
func (d *DebugPort) Read(_ uint64, p []byte) {
	for i := range p {
		p[i] = d.id
	}
}

// Write takes the first byte of p; the rest would belong to other ports.
func (d *DebugPort) Write(offset uint64, p []byte) {
	if offset != 0 || len(p) == 0 {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.line = append(d.line, p[0])
	if p[0] == '\n' || len(d.line) == debugPortLine {
		d.flush()
	}
}

// Flush writes a line that has not ended yet, and returns the first error of
// the writer.
func (d *DebugPort) Flush() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.flush()
	return d.err
}

func (d *DebugPort) flush() {
	if len(d.line) > 0 && d.err == nil {
		_, d.err = d.out.Write(d.line)
	}
	d.line = d.line[:0]
}
