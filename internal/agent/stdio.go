package agent

import (
	"errors"
	"io"
	"net"
	"sync"
)

// copy begins to pass the streams.
func (c *Cmd) copy() {
	if conn := c.streams[0]; conn != nil && c.Stdin != nil {
		go copyInput(conn, c.Stdin, c.Terminal == nil)
	}
	stdout, stderr := c.Stdout, c.Stderr
	if c.Terminal != nil {
		if stdout != nil {
			c.output.Go(func() { c.copyOutput(stdout, c.streams[0]) })
		}
		return
	}
	if stdout != nil && same(stdout, stderr) {
		shared := &lockedWriter{w: stdout}
		stdout, stderr = shared, shared
	}
	if stdout != nil {
		c.output.Go(func() { c.copyOutput(stdout, c.streams[1]) })
	}
	if stderr != nil {
		c.output.Go(func() { c.copyOutput(stderr, c.streams[2]) })
	}
}

// copyInput passes what the command reads, and its end. A command that has ended
// does not read it all. A reader that blocks is left blocked when the command ends.
func copyInput(conn net.Conn, r io.Reader, end bool) {
	_, _ = io.Copy(conn, r)
	if half, ok := conn.(interface{ CloseWrite() error }); ok && end {
		_ = half.CloseWrite()
	}
}

func (c *Cmd) copyOutput(w io.Writer, conn net.Conn) {
	_, err := io.Copy(w, conn)
	if err != nil && !errors.Is(err, net.ErrClosed) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.copyErr == nil {
			c.copyErr = err
		}
		_ = conn.Close() // the command learns that nobody reads
	}
}

// same reports whether two writers are one, as os/exec does.
func same(a, b io.Writer) bool {
	defer func() { _ = recover() }() // types that cannot be compared are not
	return a == b
}

// lockedWriter is a writer for two streams.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// tailBuffer keeps the end of what is written.
type tailBuffer struct{ b []byte }

// tailSize is how much of the standard error an ExitError has.
const tailSize = 32 << 10

func (t *tailBuffer) Write(p []byte) (int, error) {
	t.b = append(t.b, p...)
	if extra := len(t.b) - tailSize; extra > 0 {
		t.b = append(t.b[:0], t.b[extra:]...)
	}
	return len(p), nil
}

func (t *tailBuffer) bytes() []byte { return t.b }

// StdinPipe returns where to write the command's standard input. Closing it is the
// end of the input; Wait closes it too.
func (c *Cmd) StdinPipe() (io.WriteCloser, error) {
	if c.Stdin != nil {
		return nil, errors.New("agent: Stdin already set")
	}
	r, w := io.Pipe()
	c.Stdin = r
	c.closers = append(c.closers, r, w)
	return w, nil
}

// StdoutPipe returns where to read the command's standard output, until io.EOF.
// Wait waits until it is read.
func (c *Cmd) StdoutPipe() (io.ReadCloser, error) {
	if c.Stdout != nil {
		return nil, errors.New("agent: Stdout already set")
	}
	r, w := outputPipe()
	c.Stdout = w
	return r, nil
}

// StderrPipe is StdoutPipe for the standard error.
func (c *Cmd) StderrPipe() (io.ReadCloser, error) {
	if c.Stderr != nil {
		return nil, errors.New("agent: Stderr already set")
	}
	r, w := outputPipe()
	c.Stderr = w
	return r, nil
}

// pipeWriter ends its reader when the stream does.
type pipeWriter struct{ *io.PipeWriter }

func outputPipe() (io.ReadCloser, io.Writer) {
	r, w := io.Pipe()
	return r, pipeWriter{w}
}

// ReadFrom implements io.ReaderFrom, which io.Copy calls once for a stream.
func (p pipeWriter) ReadFrom(r io.Reader) (int64, error) {
	n, err := io.Copy(p.PipeWriter, r)
	_ = p.CloseWithError(err) // nil is io.EOF; never fails
	return n, err
}
