package suite

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"text/tabwriter"
	"time"
)

// row is a line of the summary.
type row struct {
	lane, pkg, verdict string
	ok                 bool
	took               time.Duration
	// why are lines that say what failed.
	why []string
}

func (r *runner) failed() bool {
	for _, row := range r.rows {
		if !row.ok {
			return true
		}
	}
	return len(r.rows) == 0
}

func (r *runner) summary() {
	fmt.Fprintln(r.Output)
	w := tabwriter.NewWriter(r.Output, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "lane\tpackage\tresult\ttime")
	for _, row := range r.rows {
		fmt.Fprintf(w, "%s\t%s\t%s\t%.1f s\n", row.lane, row.pkg, row.verdict, row.took.Seconds())
	}
	// To the same writer as the lines before; if that fails, so did they.
	_ = w.Flush()
	// What failed comes last: it may be all that is kept of a long log.
	for _, line := range r.whys() {
		fmt.Fprintln(r.Output, line)
	}
}

// whys are the lines about what failed.
func (r *runner) whys() []string {
	var lines []string
	for _, row := range r.rows {
		if !row.ok {
			lines = append(lines, fmt.Sprintf("%s %s: %s", row.lane, row.pkg, row.verdict))
		}
		for _, line := range row.why {
			lines = append(lines, fmt.Sprintf("%s %s: %s", row.lane, row.pkg, line))
		}
	}
	return lines
}

// logFailures adds them to the log, if there is one.
func (r *runner) logFailures() error {
	lines := r.whys()
	if r.FailureLog == "" || len(lines) == 0 {
		return nil
	}
	f, err := os.OpenFile(r.FailureLog, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return fmt.Errorf("rig: the log of failures: %w", err)
	}
	_, err = io.WriteString(f, strings.Join(lines, "\n")+"\n")
	return errors.Join(err, f.Close())
}

// maxWhy is how many lines a row says of its failure.
const maxWhy = 10

// failures are the lines of a test's output that name what failed.
func failures(output []byte) []string {
	var lines []string
	for line := range strings.Lines(string(output)) {
		line = strings.TrimRight(line, "\r\n")
		for _, start := range []string{"--- FAIL: ", "panic: ", "fatal error: ", "WARNING: DATA RACE"} {
			if strings.HasPrefix(strings.TrimLeft(line, " "), start) && len(lines) < maxWhy {
				lines = append(lines, line)
			}
		}
	}
	return lines
}

// prefixWriter puts a lane's name before each line. Whole lines only are passed
// on, each in one Write. It is safe for concurrent use.
type prefixWriter struct {
	mu     sync.Mutex
	w      io.Writer
	prefix string
	line   []byte
}

func newPrefixWriter(w io.Writer, name string) *prefixWriter {
	return &prefixWriter{w: w, prefix: name + " | "}
}

func (p *prefixWriter) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for rest := b; len(rest) > 0; {
		line, after, whole := bytes.Cut(rest, []byte("\n"))
		p.line = append(p.line, line...)
		if !whole {
			break
		}
		if err := p.emit(); err != nil {
			return 0, err
		}
		rest = after
	}
	return len(b), nil
}

func (p *prefixWriter) emit() error {
	out := append([]byte(p.prefix), bytes.TrimRight(p.line, "\r")...)
	p.line = p.line[:0]
	_, err := p.w.Write(append(out, '\n'))
	return err
}

// flush ends a line that has no end.
func (p *prefixWriter) flush() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.line) > 0 {
		_ = p.emit()
	}
}
