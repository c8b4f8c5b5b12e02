// Package ptytest gives tests a terminal.
package ptytest

import (
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// PTY is a pseudo terminal whose screen is recorded.
type PTY struct {
	master *os.File
	// TTY is the side for the program.
	TTY *os.File

	mu     sync.Mutex
	screen strings.Builder
}

// Open makes a terminal that is closed at the end of the test.
func Open(t testing.TB) *PTY {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatalf("open /dev/ptmx: %v: mount devpts", err)
	}
	p := &PTY{master: os.NewFile(uintptr(fd), "ptmx")}
	t.Cleanup(func() { _ = p.master.Close() })
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	p.TTY, err = os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.TTY.Close() })
	go p.record()
	return p
}

func (p *PTY) record() {
	b := make([]byte, 4096)
	for {
		n, err := p.master.Read(b)
		p.mu.Lock()
		p.screen.Write(b[:n])
		p.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// Type types keys.
func (p *PTY) Type(t testing.TB, keys string) {
	t.Helper()
	if _, err := p.master.WriteString(keys); err != nil {
		t.Fatal(err)
	}
}

// SetSize makes the terminal as large as told, and tells the program so.
func (p *PTY) SetSize(t testing.TB, rows, cols uint16) {
	t.Helper()
	if err := unix.IoctlSetWinsize(int(p.TTY.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: cols}); err != nil {
		t.Fatal(err)
	}
}

// Hangup takes the terminal away from the program.
func (p *PTY) Hangup() { _ = p.master.Close() }

// Screen returns everything the program has written.
func (p *PTY) Screen() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.screen.String()
}

// WaitFor waits until the program has written text.
func (p *PTY) WaitFor(t testing.TB, text string) {
	t.Helper()
	p.wait(t, strconv.Quote(text)+" on the screen", func() bool { return strings.Contains(p.Screen(), text) })
}

// Settings returns the terminal's settings.
func (p *PTY) Settings(t testing.TB) unix.Termios {
	t.Helper()
	s, err := unix.IoctlGetTermios(int(p.TTY.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return *s
}

// WaitForRaw waits until the terminal is in raw mode.
func (p *PTY) WaitForRaw(t testing.TB) {
	t.Helper()
	p.wait(t, "raw mode", func() bool { return p.Settings(t).Lflag&(unix.ICANON|unix.ECHO|unix.ISIG) == 0 })
}

// WaitForSettings waits until the terminal has the given settings.
func (p *PTY) WaitForSettings(t testing.TB, want unix.Termios) {
	t.Helper()
	p.wait(t, "the settings from before", func() bool { return p.Settings(t) == want })
}

// limit is generous: the rig is a slow machine.
const limit = 60 * time.Second

func (p *PTY) wait(t testing.TB, what string, done func() bool) {
	t.Helper()
	for start := time.Now(); !done(); time.Sleep(2 * time.Millisecond) {
		if time.Since(start) > limit {
			t.Fatalf("waited %v for %s; the screen:\n%s", limit, what, p.Screen())
		}
	}
}
