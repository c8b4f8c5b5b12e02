package tap

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"linuxkvm/virtio/net"
)

// Config describes an interface.
type Config struct {
	// Name is the interface's; it may exist. With a %d the kernel puts a number there;
	// empty is "vm%d".
	Name string
	// KeepDown leaves the interface as it is: by default it is brought up.
	KeepDown bool
}

// TAP is an interface: a net.Backend.
type TAP struct {
	file *os.File
	name string

	mu      sync.Mutex
	session context.Context // the latest one
}

var _ net.Backend = (*TAP)(nil)

const (
	clonePath = "/dev/net/tun"
	// flags: Ethernet frames, with a virtio_net_hdr and nothing else before them.
	flags = unix.IFF_TAP | unix.IFF_NO_PI | unix.IFF_VNET_HDR
)

// Open makes an interface, or takes the one that there is. It is gone after Close,
// unless it was made to stay.
func Open(cfg Config) (*TAP, error) {
	if cfg.Name == "" {
		cfg.Name = "vm%d"
	}
	t, err := open(cfg)
	if err != nil {
		return nil, fmt.Errorf("tap %s: %w%s", cfg.Name, err, remedy(err))
	}
	return t, nil
}

// remedy says what helps.
func remedy(err error) string {
	switch {
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return ": it takes CAP_NET_ADMIN; or let root make it for you: ip tuntap add dev NAME mode tap user YOU vnet_hdr && ip link set NAME up; or use user-mode networking, which needs no privilege"
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ENODEV):
		return ": the kernel has no TUN: modprobe tun, or use user-mode networking"
	case errors.Is(err, unix.EBUSY):
		return ": another machine has it"
	case errors.Is(err, unix.EINVAL):
		return ": it exists and is no TAP interface with vnet_hdr and one queue"
	}
	return ""
}

func open(cfg Config) (*TAP, error) {
	ifr, err := unix.NewIfreq(cfg.Name)
	if err != nil {
		return nil, err
	}
	fd, err := unix.Open(clonePath, unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	ifr.SetUint16(flags)
	err = unix.IoctlIfreq(fd, unix.TUNSETIFF, ifr)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TUNSETVNETHDRSZ, net.HeaderSize)
	}
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TUNSETVNETLE, 1)
	}
	if err == nil && !cfg.KeepDown {
		err = up(ifr.Name())
	}
	if err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	// Only now: an fd without an interface cannot be polled.
	return &TAP{file: os.NewFile(uintptr(fd), clonePath), name: ifr.Name()}, nil
}

// up brings an interface up if it is not.
func up(name string) error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(s)
	ifr, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	if err := unix.IoctlIfreq(s, unix.SIOCGIFFLAGS, ifr); err != nil {
		return err
	}
	if f := ifr.Uint16(); f&unix.IFF_UP == 0 {
		ifr.SetUint16(f | unix.IFF_UP)
		return unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, ifr)
	}
	return nil
}

// Name is the interface's.
func (t *TAP) Name() string { return t.name }

// Close ends reading and writing, and the interface unless it was made to stay.
func (t *TAP) Close() error { return t.file.Close() }

// Features implements net.Backend: the kernel takes all offloads.
func (*TAP) Features() uint64 {
	return net.FeatureCSUM | net.FeatureGuestCSUM | net.FeatureGuestTSO4 | net.FeatureGuestTSO6 | net.FeatureHostTSO4 | net.FeatureHostTSO6
}

// Start implements net.Backend.
func (t *TAP) Start(ctx context.Context, features uint64) error {
	if err := t.setOffloads(features); err != nil {
		return fmt.Errorf("tap %s: offloads: %w", t.name, err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.session = ctx
	context.AfterFunc(ctx, func() { t.interrupt(ctx) })
	return t.file.SetDeadline(time.Time{})
}

// interrupt ends what is under way in a session, not in the next one.
func (t *TAP) interrupt(session context.Context) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.session == session {
		// That fails for a closed file, which nobody reads.
		_ = t.file.SetDeadline(time.Unix(1, 0))
	}
}

// setOffloads says what the guest takes.
func (t *TAP) setOffloads(features uint64) error {
	v := 0
	for feature, flag := range map[uint64]int{
		net.FeatureGuestCSUM: unix.TUN_F_CSUM, net.FeatureGuestTSO4: unix.TUN_F_TSO4, net.FeatureGuestTSO6: unix.TUN_F_TSO6,
	} {
		if features&feature != 0 {
			v |= flag
		}
	}
	raw, err := t.file.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) { failed = unix.IoctlSetInt(int(fd), unix.TUNSETOFFLOAD, v) })
	return errors.Join(err, failed)
}

// ReadPacket implements net.Backend. What the guest does not take waits in the
// interface's queue, and is dropped and counted there.
func (t *TAP) ReadPacket(p []byte) (int, error) {
	for {
		n, err := t.file.Read(p)
		// A packet that the kernel cannot describe by a header is lost.
		if !errors.Is(err, unix.EINVAL) {
			return n, err
		}
	}
}

// WritePacket implements net.Backend.
func (t *TAP) WritePacket(p []byte) error {
	_, err := t.file.Write(p)
	return err
}
