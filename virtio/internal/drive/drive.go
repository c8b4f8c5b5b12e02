// Package drive is a driver of virtio devices for tests: it does to a device's
// registers and queues what a guest's kernel does, in memory that is real.
package drive

import (
	"encoding/binary"
	"testing"
	"time"

	"linuxkvm/memory"
	"linuxkvm/virtio"
)

// Patience is how long a test waits for a device.
const Patience = 10 * time.Second

// memorySize is the guest's memory, from GPA 0 on.
const memorySize = 8 << 20

// Driver drives one device.
type Driver struct {
	T      testing.TB
	Space  *memory.Space
	MMIO   *virtio.MMIO
	IRQ    *Bell
	Broken chan error // why the device wants a reset

	dev    virtio.Device
	queues []*Queue
	free   uint64 // where memory is not yet in use
}

// New gives a device a transport and memory. Nothing is negotiated yet.
func New(t testing.TB, dev virtio.Device) *Driver {
	t.Helper()
	region, err := memory.New(memorySize)
	if err != nil {
		t.Fatal(err)
	}
	d := &Driver{T: t, Space: new(memory.Space), IRQ: NewBell(), Broken: make(chan error, 16), dev: dev, free: 0x1000}
	if err := d.Space.Map(0, region); err != nil {
		t.Fatal(err)
	}
	cfg := virtio.MMIOConfig{Memory: d.Space, Interrupt: d.IRQ, OnBroken: d.noteBroken}
	for range dev.QueueSizes() {
		cfg.Doorbells = append(cfg.Doorbells, NewBell())
	}
	if d.MMIO, err = virtio.NewMMIO(dev, cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, err := range []error{d.MMIO.Close(), d.Space.Close(), region.Close()} {
			if err != nil {
				t.Error(err)
			}
		}
	})
	return d
}

func (d *Driver) noteBroken(err error) {
	select {
	case d.Broken <- err:
	default:
	}
}

// Start negotiates the features, of which without are not accepted, sets every
// queue up with its largest size, and says that the driver is ready.
func (d *Driver) Start(without uint64) {
	d.T.Helper()
	d.Negotiate(without)
	d.queues = nil
	for i, size := range d.dev.QueueSizes() {
		d.queues = append(d.queues, d.setup(i, size))
	}
	d.SetReg(Status, 15)
	if s := d.Reg(Status); s != 15 {
		d.T.Fatalf("status %#x, want the device to run", s)
	}
}

// Negotiate resets the device and accepts its features, except without.
func (d *Driver) Negotiate(without uint64) {
	d.T.Helper()
	d.SetReg(Status, 0)
	d.SetReg(Status, 1)
	d.SetReg(Status, 3)
	for sel := range uint32(2) {
		d.SetReg(DeviceFeaturesSel, sel)
		d.SetReg(DriverFeaturesSel, sel)
		d.SetReg(DriverFeatures, d.Reg(DeviceFeatures)&^uint32(without>>(32*sel)))
	}
	d.SetReg(Status, 11)
	if d.Reg(Status)&8 == 0 {
		d.T.Fatal("the device refused its own features")
	}
}

// Queue returns a queue that Start has set up.
func (d *Driver) Queue(i int) *Queue { return d.queues[i] }

// Alloc returns the address of n bytes of zeroed memory, aligned to 16.
func (d *Driver) Alloc(n int) uint64 {
	d.T.Helper()
	gpa := (d.free + 15) &^ 15
	if gpa+uint64(n) > memorySize {
		d.T.Fatalf("the test's guest has no %d bytes left", n)
	}
	d.free = gpa + uint64(n)
	d.Put(gpa, make([]byte, n))
	return gpa
}

// Rewind returns a function that frees what was allocated since, of which the
// device must have no more use.
func (d *Driver) Rewind() func() {
	free := d.free
	return func() { d.free = free }
}

// Put writes to memory.
func (d *Driver) Put(gpa uint64, p []byte) {
	d.T.Helper()
	if _, err := d.Space.WriteAt(p, int64(gpa)); err != nil {
		d.T.Fatal(err)
	}
}

// Get reads from memory.
func (d *Driver) Get(gpa uint64, n int) []byte {
	d.T.Helper()
	p := make([]byte, n)
	if _, err := d.Space.ReadAt(p, int64(gpa)); err != nil {
		d.T.Fatal(err)
	}
	return p
}

// Config reads n bytes of the device's configuration.
func (d *Driver) Config(off uint64, n int) []byte {
	p := make([]byte, n)
	d.MMIO.Read(0x100+off, p)
	return p
}

// Reg reads a register.
func (d *Driver) Reg(offset uint64) uint32 {
	var p [4]byte
	d.MMIO.Read(offset, p[:])
	return binary.LittleEndian.Uint32(p[:])
}

// SetReg writes a register.
func (d *Driver) SetReg(offset uint64, v uint32) {
	d.MMIO.Write(offset, binary.LittleEndian.AppendUint32(nil, v))
}

// Registers of the transport.
const (
	Magic             = 0x000
	Version           = 0x004
	DeviceID          = 0x008
	DeviceFeatures    = 0x010
	DeviceFeaturesSel = 0x014
	DriverFeatures    = 0x020
	DriverFeaturesSel = 0x024
	QueueSel          = 0x030
	QueueSizeMax      = 0x034
	QueueSize         = 0x038
	QueueReady        = 0x044
	QueueNotify       = 0x050
	InterruptStatus   = 0x060
	InterruptACK      = 0x064
	Status            = 0x070
	QueueDesc         = 0x080
	QueueAvail        = 0x090
	QueueUsed         = 0x0a0
)
