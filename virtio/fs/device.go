package fs

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"

	"golang.org/x/sys/unix"

	"linuxkvm/virtio"
)

// Config says what a device shares. Only Tag and Dir must be given.
type Config struct {
	// Tag is by which name the guest mounts it, 1 to 36 bytes.
	Tag string
	// Dir is the directory of the host that the guest sees.
	Dir string
	// ReadOnly refuses all that would change something, with EROFS. The host still
	// notes when files are read.
	ReadOnly bool
	// Squash has all files belong to this process's user, also if that is root: for
	// a root that may not give files to others, as in a user namespace.
	Squash bool
	// KeepCache lets the guest keep what it has read of a file when it opens the file
	// again: programs and libraries of a root are then read once. Changes that others
	// make are seen all the same, but for those through a shared mapping (mmap), of
	// which the host's kernel may not say that they have been.
	KeepCache bool
	// Queues is how many queues of requests there are; 0 means 1.
	Queues int
	// Workers is how many requests of a queue are worked on at the same time; 0
	// means 8. Each takes up to 2 MiB.
	Workers int
	// MaxInodes is how many inodes the guest may know, each of which is a
	// descriptor of this process; 0 means half of what RLIMIT_NOFILE allows, but not
	// more than 65536. MaxFiles is how many files it may have open; 0 means an eighth,
	// but not more than 8192. Beyond that the guest gets ENFILE.
	MaxInodes, MaxFiles int
	// OnError is told of mistakes of this package; nil for nobody.
	OnError func(error)
}

const (
	defaultWorkers = 8
	maxQueues      = 64
	maxWorkers     = 256
	highQueueSize  = 128
	queueSize      = 1024 // enough for 1 MiB in pages
	mostInodes     = 65536
	mostFiles      = 8192
)

// Device is a virtio.Device.
type Device struct {
	cfg    Config
	config []byte
	squash bool

	mu      sync.Mutex
	root    int // descriptor of the directory, -1 if closed
	cleanup runtime.Cleanup
}

var _ virtio.Device = (*Device)(nil)

// New opens the directory that a device shares. Symlinks in its own path are
// followed, and it is the same directory from then on, whatever becomes of the path.
func New(cfg Config) (*Device, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	config, err := encodeConfig(cfg.Tag, uint32(cfg.Queues))
	if err != nil {
		return nil, err
	}
	root, err := openRoot(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("fs: directory %q: %w", cfg.Dir, err)
	}
	// Files are opened by way of their descriptors.
	if err := unix.Access(path(root), unix.F_OK); err != nil {
		_ = unix.Close(root)
		return nil, fmt.Errorf("fs: %s: %w; mount /proc", path(root), err)
	}
	var st unix.Statfs_t
	if err := retry(func() error { return unix.Fstatfs(root, &st) }); err != nil {
		_ = unix.Close(root)
		return nil, fmt.Errorf("fs: directory %q: %w", cfg.Dir, err)
	}
	if kernels[uint32(st.Type)] {
		_ = unix.Close(root)
		return nil, fmt.Errorf("fs: directory %q is the host kernel's own, such as /proc: share one of files", cfg.Dir)
	}
	d := &Device{cfg: cfg, config: config, root: root, squash: cfg.Squash || os.Geteuid() != 0}
	d.cleanup = runtime.AddCleanup(d, func(fd int) { _ = unix.Close(fd) }, root)
	return d, nil
}

// complete fills in what was left out and refuses what cannot be.
func (c *Config) complete() error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("fs: RLIMIT_NOFILE: %w", err)
	}
	files := int(min(limit.Cur, 1<<20))
	c.Queues, c.Workers = or(c.Queues, 1), or(c.Workers, defaultWorkers)
	c.MaxInodes, c.MaxFiles = or(c.MaxInodes, min(files/2, mostInodes)), or(c.MaxFiles, min(files/8, mostFiles))
	switch {
	case c.Dir == "":
		return errors.New("fs: a device needs a directory")
	case c.Queues < 1 || c.Queues > maxQueues:
		return fmt.Errorf("fs: %d queues: want 1 to %d", c.Queues, maxQueues)
	case c.Workers < 1 || c.Workers > maxWorkers:
		return fmt.Errorf("fs: %d workers: want 1 to %d", c.Workers, maxWorkers)
	case c.MaxInodes < 1 || c.MaxFiles < 1:
		return fmt.Errorf("fs: %d inodes and %d open files: want 1 at least", c.MaxInodes, c.MaxFiles)
	}
	return nil
}

func or(v, otherwise int) int {
	if v == 0 {
		return otherwise
	}
	return v
}

// Close closes the directory, after the machine. A device that was closed does not
// start again.
func (d *Device) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.root < 0 {
		return nil
	}
	d.cleanup.Stop()
	root := d.root
	d.root = -1
	return unix.Close(root)
}

// Type implements virtio.Device.
func (d *Device) Type() uint32 { return virtio.TypeFS }

// Features implements virtio.Device.
func (d *Device) Features() uint64 { return 0 }

// QueueSizes implements virtio.Device: the first queue is that of high priority.
func (d *Device) QueueSizes() []uint16 {
	sizes := []uint16{highQueueSize}
	for range d.cfg.Queues {
		sizes = append(sizes, queueSize)
	}
	return sizes
}

// ReadConfig implements virtio.Device.
func (d *Device) ReadConfig(off uint64, p []byte) { virtio.ReadConfig(d.config, off, p) }

// WriteConfig implements virtio.Device: there is nothing to write.
func (d *Device) WriteConfig(uint64, []byte) {}

// Start implements virtio.Device. What the guest has open ends with the session.
func (d *Device) Start(vs *virtio.Session) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.root < 0 {
		return os.ErrClosed
	}
	root, err := unix.FcntlInt(uintptr(d.root), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("fs: %w", err)
	}
	s := &session{dev: d, root: root}
	var workers sync.WaitGroup
	for i, q := range vs.Queues {
		if q != nil {
			s.serve(vs, &workers, q, i == 0)
		}
	}
	vs.Go(func() {
		<-vs.Context.Done()
		workers.Wait()
		s.end()
		_ = unix.Close(root)
	})
	return nil
}

// serve starts the workers of a queue, which take turns to wait for a request. One
// is enough for the queue of high priority, where nothing is waited for.
func (s *session) serve(vs *virtio.Session, workers *sync.WaitGroup, q *virtio.Queue, high bool) {
	n := s.dev.cfg.Workers
	if high {
		n = 1
	}
	turn := new(sync.Mutex)
	for range n {
		workers.Add(1)
		vs.Go(func() {
			defer workers.Done()
			var buf []byte
			for s.serveOne(q, turn, high, &buf) {
			}
		})
	}
}

func (s *session) serveOne(q *virtio.Queue, turn *sync.Mutex, high bool, buf *[]byte) bool {
	turn.Lock()
	c, err := q.Next()
	turn.Unlock()
	if err != nil {
		return false // stopped, or broken, which the transport knows
	}
	return c.Release(s.handle(c, high, buf)) == nil
}
