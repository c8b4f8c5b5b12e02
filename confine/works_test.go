package confine

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func init() {
	children["runtime"] = runtimeChild
	children["files"] = filesChild
	children["held"] = heldChild
	children["idle"] = func(scene) error { _, err := io.Copy(io.Discard, os.Stdin); return err }
	children["listening"] = listeningChild
	children["outgoing"] = outgoingChild
	children["panic"] = panicChild
	children["zone"] = zoneChild
}

func TestWhatIsLeftWorks(t *testing.T) {
	need(t)
	for _, what := range []string{"runtime", "files", "held", "listening", "outgoing"} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			works(t, what, newScene(t))
		})
	}
}

// runtimeChild has Go do all that it does by itself, with nothing left but that.
func runtimeChild(scene) error {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, unix.SIGUSR1)
	if _, err := Process(Config{Require: true}); err != nil {
		return err
	}
	if err := pressure(100); err != nil {
		return err
	}
	if err := unix.Kill(os.Getpid(), unix.SIGUSR1); err != nil {
		return err
	}
	<-signals
	debug.FreeOSMemory()
	runtime.GOMAXPROCS(runtime.NumCPU() + 2)
	return pressure(10)
}

// pressure has many threads, much garbage, and a goroutine that has to be preempted by
// a signal.
func pressure(threads int) error {
	var wg sync.WaitGroup
	var stop atomic.Bool
	defer stop.Store(true)
	go func() {
		for !stop.Load() {
		}
	}()
	sums := make([]int, threads)
	for i := range threads {
		wg.Go(func() {
			runtime.LockOSThread() // its thread ends with it
			var kept [][]byte
			for range 100 {
				kept = append(kept, make([]byte, 10<<10))
				sums[i] += len(kept[len(kept)-1])
			}
			time.Sleep(time.Millisecond)
			runtime.KeepAlive(kept)
		})
	}
	for range 5 {
		runtime.GC()
	}
	wg.Wait()
	for i, sum := range sums {
		if sum != 1000<<10 {
			return fmt.Errorf("goroutine %d came to %d", i, sum)
		}
	}
	return nil
}

// steps runs each of a list and says which failed.
func steps(list ...struct {
	name string
	do   func() error
}) error {
	for _, s := range list {
		if err := s.do(); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

type step = struct {
	name string
	do   func() error
}

// filesChild does in a directory what virtio/fs does for a guest.
func filesChild(s scene) error {
	if _, err := Process(s.config()); err != nil {
		return err
	}
	path := func(fd int) string { return fmt.Sprintf("/proc/self/fd/%d", fd) }
	var entry int // O_PATH
	return steps(
		step{"read", func() error { _, err := os.ReadFile(s.path("ro/file")); return err }},
		step{"list", func() error { _, err := os.ReadDir(s.path("ro")); return err }},
		step{"write", func() error { return os.WriteFile(s.path("rw/new"), []byte("new"), 0o600) }},
		step{"rename to another directory", func() error { return os.Rename(s.path("rw/new"), s.path("rw/sub/new")) }},
		step{"link", func() error { return os.Link(s.path("rw/sub/new"), s.path("rw/link")) }},
		step{"symlink", func() error { return os.Symlink("link", s.path("rw/symlink")) }},
		step{"readlink", func() error { _, err := os.Readlink(s.path("rw/symlink")); return err }},
		step{"mkdir", func() error { return os.Mkdir(s.path("rw/dir"), 0o700) }},
		step{"fifo", func() error { return unix.Mkfifo(s.path("rw/fifo"), 0o600) }},
		step{"path descriptor", func() (err error) {
			entry, err = unix.Open(s.path("rw/link"), unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
			return err
		}},
		step{"open it", func() error { return open(path(entry), os.O_RDWR|os.O_APPEND) }},
		step{"change its mode", func() error { return unix.Chmod(path(entry), 0o640) }},
		step{"change its owner", func() error {
			return unix.Fchownat(entry, "", os.Getuid(), os.Getgid(), unix.AT_EMPTY_PATH)
		}},
		step{"change its times", func() error { return os.Chtimes(path(entry), time.Now(), time.Now()) }},
		step{"set an attribute", func() error {
			if err := unix.Setxattr(path(entry), "user.test", []byte("x"), 0); err != unix.ENOTSUP {
				return err
			}
			return nil // not on this file system, which has been asked
		}},
		step{"list attributes", func() error { _, err := unix.Listxattr(path(entry), nil); return err }},
		step{"may it be read", func() error { return unix.Faccessat2(unix.AT_FDCWD, path(entry), unix.R_OK, 0) }},
		step{"openat2", func() error {
			dir, err := unix.Open(s.path("rw"), unix.O_PATH|unix.O_CLOEXEC, 0)
			if err != nil {
				return err
			}
			defer unix.Close(dir)
			return closed(unix.Openat2(dir, "sub/new", &unix.OpenHow{Flags: unix.O_RDWR | unix.O_CLOEXEC, Resolve: unix.RESOLVE_BENEATH}))
		}},
		step{"a file without a name", func() error {
			err := open(s.path("rw"), unix.O_TMPFILE|unix.O_RDWR)
			if errors.Is(err, unix.EOPNOTSUPP) {
				return nil
			}
			return err
		}},
		step{"a temporary file", func() error {
			f, err := os.CreateTemp(s.path("rw"), "*")
			if err != nil {
				return err
			}
			return errors.Join(useFile(f), os.Remove(f.Name()))
		}},
		step{"remove all", func() error {
			for _, name := range []string{"fifo", "dir", "symlink", "link", "sub"} {
				if err := os.RemoveAll(s.path("rw/" + name)); err != nil {
					return err
				}
			}
			return nil
		}},
	)
}

// useFile does with a file what virtio/blk does with a disk, and closes it.
func useFile(f *os.File) error {
	defer f.Close()
	fd := int(f.Fd())
	return steps(
		step{"write", func() error { _, err := f.WriteAt(make([]byte, 8192), 0); return err }},
		step{"read", func() error { _, err := f.ReadAt(make([]byte, 8192), 0); return err }},
		step{"lock", func() error { return unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) }},
		step{"truncate", func() error { return f.Truncate(1 << 20) }},
		step{"fallocate", func() error {
			err := unix.Fallocate(fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 0, 4096)
			if err == unix.EOPNOTSUPP {
				return nil
			}
			return err
		}},
		step{"flush", func() error { return unix.Fdatasync(fd) }},
		step{"sync", f.Sync},
		step{"stat", func() error { _, err := f.Stat(); return err }},
		step{"seek", func() error { _, err := unix.Seek(fd, 0, unix.SEEK_DATA); return err }},
		step{"copy", func() error {
			from, to := int64(0), int64(1<<19)
			_, err := unix.CopyFileRange(fd, &from, fd, &to, 4096, 0)
			return err
		}},
	)
}

// heldChild uses what was open before, with nothing else left.
func heldChild(s scene) error {
	disk, err := os.OpenFile(s.path("outside/secret"), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	tty, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer tty.Close()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer l.Close()
	client, err := net.Dial("tcp4", l.Addr().String())
	if err != nil {
		return err
	}
	defer client.Close()
	helper := exec.Command("/proc/self/exe")
	helper.Env = append(os.Environ(), childVariable+"=idle")
	stdin, err := helper.StdinPipe()
	if err != nil {
		return err
	}
	if err := helper.Start(); err != nil {
		return err
	}
	if _, err := Process(Config{Require: true}); err != nil {
		return err
	}
	return steps(
		step{"a disk", func() error { return useFile(disk) }},
		step{"a terminal", func() error { return useTerminal(int(tty.Fd())) }},
		step{"accept", func() error {
			server, err := l.Accept()
			if err != nil {
				return err
			}
			defer server.Close()
			return talk(client, server)
		}},
		step{"the end of a child", func() error { return errors.Join(stdin.Close(), helper.Wait()) }},
		step{"ErrConfined", func() error {
			if _, err := Process(Config{}); !errors.Is(err, ErrConfined) {
				return fmt.Errorf("Process, the second time: %w", err)
			}
			return nil
		}},
	)
}

func useTerminal(fd int) error {
	settings, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return err
	}
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, settings); err != nil {
		return err
	}
	_, err = unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ)
	return err
}

// talk sends a text from one end to the other.
func talk(a io.Writer, b io.Reader) error {
	const text = "hello"
	if _, err := io.WriteString(a, text); err != nil {
		return err
	}
	got := make([]byte, len(text))
	if _, err := io.ReadFull(b, got); err != nil || string(got) != text {
		return fmt.Errorf("got %q, %w", got, err)
	}
	return nil
}

func listeningChild(scene) error {
	_, noHosts := os.Stat("/etc/hosts")
	if _, err := Process(Config{ReadOnly: ResolverFiles(), Network: Listening, Require: true}); err != nil {
		return err
	}
	return steps(
		step{"TCP", func() error {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			defer l.Close()
			return dialAndTalk(l)
		}},
		step{"UDP", useUDP},
		step{"a name", func() error {
			if noHosts != nil {
				return nil // as in the rig, where no name is known
			}
			_, err := net.LookupHost("localhost")
			return err
		}},
	)
}

func dialAndTalk(l net.Listener) error {
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		return err
	}
	defer client.Close()
	server, err := l.Accept()
	if err != nil {
		return err
	}
	defer server.Close()
	return talk(client, server)
}

func useUDP() error {
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer server.Close()
	client, err := net.Dial("udp", server.LocalAddr().String())
	if err != nil {
		return err
	}
	defer client.Close()
	if _, err := client.Write([]byte("hello")); err != nil {
		return err
	}
	_, from, err := server.ReadFrom(make([]byte, 10))
	if err != nil {
		return err
	}
	_, err = server.WriteTo([]byte("hello"), from)
	return err
}

func outgoingChild(scene) error {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer l.Close()
	if _, err := Process(Config{Network: Outgoing, Require: true}); err != nil {
		return err
	}
	return steps(step{"TCP", func() error { return dialAndTalk(l) }}, step{"UDP", useUDP})
}

// TestPanicIsReported: a crash is told as ever.
func TestPanicIsReported(t *testing.T) {
	need(t)
	out, err := child(t, "panic", newScene(t)).CombinedOutput()
	if err == nil || !bytes.Contains(out, []byte("panic: on purpose")) || !bytes.Contains(out, []byte("goroutine ")) {
		t.Errorf("%v, and it said:\n%s", err, out)
	}
}

func panicChild(scene) error {
	if _, err := Process(Config{Require: true}); err != nil {
		return err
	}
	panic("on purpose")
}

// TestTimeZoneIsKept: package time reads its file when it is first asked, which may be
// after Process.
func TestTimeZoneIsKept(t *testing.T) {
	need(t)
	s := newScene(t)
	var file bytes.Buffer
	file.WriteString("TZif" + strings.Repeat("\x00", 16))
	for _, v := range []any{
		[6]uint32{4: 1, 5: 4}, // one type of time, four characters of names
		int32(5 * 3600), uint16(0), []byte("ABC\x00"),
	} {
		if err := binary.Write(&file, binary.BigEndian, v); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(s.path("outside/zone"), file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, want := works(t, "zone", s, "TZ="+s.path("outside/zone")), "ABC 18000\n"; got != want {
		t.Errorf("the zone is %q, want %q", got, want)
	}
}

func zoneChild(scene) error {
	if _, err := Process(Config{Require: true}); err != nil {
		return err
	}
	fmt.Println(time.Now().Zone())
	return nil
}
