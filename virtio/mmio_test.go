package virtio_test

import (
	"bytes"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"linuxkvm/virtio"
	"linuxkvm/virtio/internal/drive"
)

// upper is a device that answers with its request in upper case.
type upper struct {
	sizes    []uint16
	startErr error
	config   [8]byte
	session  *virtio.Session
}

func (u *upper) Type() uint32                    { return 42 }
func (u *upper) Features() uint64                { return 1 | 1<<40 }
func (u *upper) QueueSizes() []uint16            { return u.sizes }
func (u *upper) ReadConfig(off uint64, p []byte) { virtio.ReadConfig(u.config[:], off, p) }

func (u *upper) WriteConfig(off uint64, p []byte) {
	if off < uint64(len(u.config)) {
		copy(u.config[off:], p)
	}
}

func (u *upper) Start(s *virtio.Session) error {
	u.session = s
	for i := range s.Queues {
		s.Serve(i, answerUpper)
	}
	return u.startErr
}

func answerUpper(c *virtio.Chain) int {
	p := make([]byte, min(c.Readable.Size(), 4096))
	if _, err := c.Readable.ReadAt(p, 0); err != nil {
		return 0
	}
	n, _ := c.Writable.Write(bytes.ToUpper(p)) // as much as there is room for
	return n
}

func newUpper() *upper { return &upper{sizes: []uint16{8, 4}} }

// Whatever is negotiated, requests are answered, through many turns of the rings.
func TestRequests(t *testing.T) {
	for name, without := range map[string]uint64{
		"everything": 0, "no event index": virtio.FeatureEventIdx, "no indirect": virtio.FeatureIndirect,
	} {
		t.Run(name, func(t *testing.T) {
			d := drive.New(t, newUpper())
			d.Start(without)
			for i := range 100 {
				if got := d.Queue(i%2).Do([]byte("hello"), 5); string(got) != "HELLO" {
					t.Fatalf("request %d: %q", i, got)
				}
			}
		})
	}
}

// Buffers in many pieces, and in an indirect table.
func TestPieces(t *testing.T) {
	d := drive.New(t, newUpper())
	d.Start(0)
	pieces := func() []drive.Buffer {
		return []drive.Buffer{d.Out([]byte("ab")), d.Out(nil), d.Out([]byte("cde")), d.In(1), d.In(4)}
	}
	for name, add := range map[string]func(...drive.Buffer) uint16{"direct": d.Queue(0).Add, "indirect": d.Queue(0).AddIndirect} {
		b := pieces()
		head := add(b...)
		d.Queue(0).Kick()
		if got, n := d.Queue(0).WaitUsed(); got != head || n != 5 {
			t.Fatalf("%s: head %d, %d bytes; want head %d, 5 bytes", name, got, n, head)
		}
		if got := string(d.Get(b[3].GPA, 1)) + string(d.Get(b[4].GPA, 4)); got != "ABCDE" {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// The registers that say what there is.
func TestIdentity(t *testing.T) {
	d := drive.New(t, newUpper())
	for reg, want := range map[uint64]uint32{drive.Magic: 0x74726976, drive.Version: 2, drive.DeviceID: 42, drive.Status: 0} {
		if got := d.Reg(reg); got != want {
			t.Errorf("register %#x: %#x, want %#x", reg, got, want)
		}
	}
	d.SetReg(drive.QueueSel, 1)
	if got := d.Reg(drive.QueueSizeMax); got != 4 {
		t.Errorf("queue 1 has at most %d", got)
	}
	d.SetReg(drive.QueueSel, 2)
	if got := d.Reg(drive.QueueSizeMax); got != 0 {
		t.Errorf("queue 2, which is not there, has %d", got)
	}
	if got := d.Reg(0xb0); got != 0xffffffff {
		t.Errorf("length of shared memory: %#x", got)
	}
}

// A driver that accepts what is not offered, or not the version, gets no
// FEATURES_OK.
func TestFeaturesRefused(t *testing.T) {
	d := drive.New(t, newUpper())
	for name, features := range map[string]uint64{"no version": 1, "not offered": virtio.FeatureVersion1 | 2} {
		d.SetReg(drive.Status, 0)
		d.SetReg(drive.Status, 3)
		for sel := range uint32(2) {
			d.SetReg(drive.DriverFeaturesSel, sel)
			d.SetReg(drive.DriverFeatures, uint32(features>>(32*sel)))
		}
		d.SetReg(drive.Status, 11)
		if s := d.Reg(drive.Status); s != 3 {
			t.Errorf("%s: status %#x", name, s)
		}
		d.SetReg(drive.Status, 15)
		if s := d.Reg(drive.Status); s&4 != 0 {
			t.Errorf("%s: the device runs", name)
		}
	}
}

func TestConfig(t *testing.T) {
	u := newUpper()
	d := drive.New(t, u)
	d.Start(0)
	d.MMIO.Write(0x102, []byte{1, 2})
	if got := d.Config(0, 12); !slices.Equal(got, []byte{0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0}) {
		t.Errorf("configuration % x", got)
	}
	before := d.Reg(0xfc)
	u.session.ConfigChanged()
	if d.Reg(drive.InterruptStatus) != 2 || d.Reg(0xfc) == before {
		t.Errorf("interrupt status %d, generation %d after %d", d.Reg(drive.InterruptStatus), d.Reg(0xfc), before)
	}
}

// After a reset the device touches the queues no more, and starts anew.
func TestReset(t *testing.T) {
	d := drive.New(t, newUpper())
	for range 20 {
		d.Start(0)
		if got := d.Queue(0).Do([]byte("x"), 1); string(got) != "X" {
			t.Fatalf("%q", got)
		}
	}
	q := d.Queue(0)
	d.SetReg(drive.Status, 0)
	used := q.UsedIndex()
	q.Add(d.Out([]byte("x")), d.In(1))
	q.Kick()
	time.Sleep(10 * time.Millisecond)
	if q.UsedIndex() != used {
		t.Error("a device that was reset has answered")
	}
}

// A device that cannot start needs a reset.
func TestStartFails(t *testing.T) {
	u := newUpper()
	u.startErr = errors.New("no")
	d := drive.New(t, u)
	d.Negotiate(0)
	d.SetReg(drive.Status, 15)
	if s := d.Reg(drive.Status); s != 15|64 {
		t.Errorf("status %#x", s)
	}
	if err := <-d.Broken; !errors.Is(err, u.startErr) {
		t.Error(err)
	}
}

func TestNewMMIORefuses(t *testing.T) {
	if _, err := virtio.NewMMIO(nil, virtio.MMIOConfig{}); err == nil {
		t.Error("a device out of nothing")
	}
	bell := drive.NewBell()
	ok := drive.New(t, newUpper())
	for _, u := range []*upper{{sizes: []uint16{3}}, {sizes: []uint16{0}}, {sizes: []uint16{8, 8}}} {
		if _, err := virtio.NewMMIO(u, virtio.MMIOConfig{
			Memory: ok.Space, Interrupt: bell, Doorbells: []virtio.Doorbell{bell},
		}); err == nil {
			t.Errorf("queues of %d are taken, with one doorbell", u.sizes)
		}
	}
}

// level is a line that stays.
type level struct{ high atomic.Bool }

func (l *level) Signal() error { l.high.Store(true); return nil }
func (l *level) Lower() error  { l.high.Store(false); return nil }

// A level-triggered line is high until all is acknowledged, and after a reset low.
func TestLevelInterrupt(t *testing.T) {
	line, bell := new(level), drive.NewBell()
	u := &upper{sizes: []uint16{8}}
	d := drive.New(t, u)
	m, err := virtio.NewMMIO(u, virtio.MMIOConfig{Memory: d.Space, Interrupt: line, Doorbells: []virtio.Doorbell{bell}})
	if err != nil {
		t.Fatal(err)
	}
	d.MMIO = m
	d.Start(0)
	u.session.ConfigChanged()
	if !line.high.Load() {
		t.Fatal("the line is low")
	}
	d.SetReg(drive.InterruptACK, 1)
	if !line.high.Load() {
		t.Error("the line is low, and only something else was acknowledged")
	}
	d.SetReg(drive.InterruptACK, 2)
	if line.high.Load() {
		t.Error("the line is high after all was acknowledged")
	}
	u.session.ConfigChanged()
	d.SetReg(drive.Status, 0)
	if line.high.Load() {
		t.Error("the line is high after a reset")
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
}
