// Package console is the virtio console device (virtio 1.2, section 5.3) with one
// port: hvc0 for a Linux guest.
//
// A reader or a writer of the host may block for as long as it likes. That holds up
// the guest's driver at most, never a vCPU and never a reset, and loses nothing:
// bytes wait in buffers of a fixed size, which outlive a reset.
package console

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"linuxkvm/virtio"
)

// Config says what a console is connected to. Every field may be left out.
type Config struct {
	// Input is what the guest reads. It is read ahead a little, from New on.
	Input io.Reader
	// Output takes what the guest writes; nil discards it.
	Output io.Writer
	// OutputBuffer is how many bytes may wait for Output before the driver has to;
	// 0 means 65536.
	OutputBuffer int
	// Columns and Rows are the size of the terminal; 0 where there is none.
	Columns, Rows uint16
	// OnError is told of the first error of Input and of Output; nil for nobody.
	// The end of Input is none.
	OnError func(error)
}

const (
	queueSize     = 64
	defaultBuffer = 64 << 10
	inputBuffer   = 4 << 10
	pieceSize     = 4 << 10
)

// Device is a virtio.Device.
type Device struct {
	cfg     Config
	in, out *pipe
	size    atomic.Uint32 // columns, and rows above
	lost    atomic.Uint64

	closeOnce sync.Once
	closed    chan struct{}
	done      chan struct{} // Output is not used any more
	failed    atomic.Pointer[error]

	mu      sync.Mutex
	session *virtio.Session // that runs, or nil
}

var _ virtio.Device = (*Device)(nil)

// New makes a console and starts the goroutines that read Input and write Output.
// Close ends them.
func New(cfg Config) *Device {
	if cfg.OutputBuffer <= 0 {
		cfg.OutputBuffer = defaultBuffer
	}
	d := &Device{
		cfg: cfg, in: newPipe(inputBuffer), out: newPipe(cfg.OutputBuffer),
		closed: make(chan struct{}), done: make(chan struct{}),
	}
	d.size.Store(packSize(cfg.Columns, cfg.Rows))
	if cfg.Input != nil {
		go d.read()
	}
	go d.write()
	return d
}

func packSize(columns, rows uint16) uint32 { return uint32(columns) | uint32(rows)<<16 }

// SetSize changes the size of the terminal and tells the guest.
func (d *Device) SetSize(columns, rows uint16) {
	if now := packSize(columns, rows); d.size.Swap(now) == now {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.session != nil {
		d.session.ConfigChanged()
	}
}

// read moves Input to its buffer.
func (d *Device) read() {
	p := make([]byte, inputBuffer)
	for {
		n, err := d.cfg.Input.Read(p)
		if !d.in.putAll(p[:n], d.closed, nil) {
			return
		}
		if err != nil {
			if err != io.EOF {
				d.tell(failure("input", err))
			}
			return
		}
	}
}

// write moves the output buffer to Output, also what is in it when the device is
// closed. After an error the output is dropped, so that the guest is not held up.
func (d *Device) write() {
	defer close(d.done)
	p := make([]byte, pieceSize)
	for d.out.wait(d.closed) || d.out.size() > 0 {
		n := d.out.peek(p)
		if d.cfg.Output != nil && d.failed.Load() == nil {
			if _, err := d.cfg.Output.Write(p[:n]); err != nil {
				err = failure("output", err)
				d.failed.Store(&err)
				d.tell(err)
			}
		}
		d.out.drop(n)
	}
}

func failure(what string, err error) error {
	return fmt.Errorf("virtio/console: %s: %w", what, err)
}

func (d *Device) tell(err error) {
	if d.cfg.OnError != nil {
		d.cfg.OnError(err)
	}
}

// Lost returns how many bytes were dropped of what a guest writes in an emergency,
// for which it cannot be told to wait.
func (d *Device) Lost() uint64 { return d.lost.Load() }

// Flush waits until Output has taken what the guest wrote before, and returns the
// error of Output, if it had one; or that of ctx if it ends first.
func (d *Device) Flush(ctx context.Context) error {
	select {
	case <-d.out.taking():
	case <-d.done:
	case <-ctx.Done():
		return ctx.Err()
	}
	if p := d.failed.Load(); p != nil {
		return *p
	}
	return nil
}

// Close ends the goroutines: that of Output when it has written what waits, which
// Done tells, and that of Input when its Read returns. It waits for neither, since
// a terminal may block for ever. It is for after the machine's end; before, the
// guest's output would have nobody to take it.
func (d *Device) Close() error {
	d.closeOnce.Do(func() { close(d.closed) })
	return nil
}

func (d *Device) isClosed() bool {
	select {
	case <-d.closed:
		return true
	default:
		return false
	}
}

// Done returns a channel that is closed once the device does not use Output any
// more.
func (d *Device) Done() <-chan struct{} { return d.done }
