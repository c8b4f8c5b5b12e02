//go:build linux && amd64

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"linuxkvm/uapi"
)

// bare makes the same calls through syscall.Syscall and nothing else: what no
// Go program can do without. The difference between it and ours is the library.
type bare struct {
	sys                    int
	port, dev, mixed, idle bareGuest
	sink                   uint64
}

type bareGuest struct {
	ram  []byte
	vm   uintptr
	vcpu uintptr
	area []byte
	run  *uapi.Run
}

func newBare() (*bare, error) {
	b := &bare{}
	var err error
	if b.sys, err = unix.Open("/dev/kvm", unix.O_RDWR|unix.O_CLOEXEC, 0); err != nil {
		return nil, err
	}
	for _, g := range []struct {
		guest *bareGuest
		code  []byte
	}{{&b.port, portCode}, {&b.dev, mmioCode}, {&b.mixed, decodeCode}, {&b.idle, haltCode}} {
		if err := g.guest.create(b.sys, g.code); err != nil {
			return nil, err
		}
	}
	b.idle.run.ImmediateExit = 1
	return b, nil
}

func ioctl(fd, request, arg uintptr) (uintptr, error) {
	r, _, errno := syscall.Syscall(unix.SYS_IOCTL, fd, request, arg)
	if errno != 0 {
		return r, errno
	}
	return r, nil
}

// SAFETY: every p below points to the struct of its request and is used during
// the call only.

// ioctlPtr tries again when the collector's signal comes in between.
func ioctlPtr(fd, request uintptr, p unsafe.Pointer) error {
	for {
		// SAFETY: the conversion stands in the call.
		_, _, errno := syscall.Syscall(unix.SYS_IOCTL, fd, request, uintptr(p))
		switch {
		case errno == 0:
			return nil
		case errno != unix.EINTR:
			return errno
		}
	}
}

func createVM(sys int) (vm uintptr, err error) {
	for {
		vm, err = ioctl(uintptr(sys), uintptr(uapi.IoctlSystemCreateVM), 0)
		if !errors.Is(err, unix.EINTR) {
			return vm, err
		}
	}
}

func (g *bareGuest) create(sys int, code []byte) (err error) {
	if g.ram, err = unix.Mmap(-1, 0, ramSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_ANONYMOUS); err != nil {
		return err
	}
	copy(g.ram[codeAddr:], code)
	if g.vm, err = createVM(sys); err != nil {
		return err
	}
	// SAFETY: only the number is used, and the RAM stays mapped longer than the VM.
	slot := uapi.UserspaceMemoryRegion{MemorySize: ramSize, UserspaceAddr: uint64(uintptr(unsafe.Pointer(&g.ram[0])))}
	if err := ioctlPtr(g.vm, uintptr(uapi.IoctlVMSetUserMemoryRegion), unsafe.Pointer(&slot)); err != nil {
		return err
	}
	if g.vcpu, err = ioctl(g.vm, uintptr(uapi.IoctlVMCreateVCPU), 0); err != nil {
		return err
	}
	size, err := ioctl(uintptr(sys), uintptr(uapi.IoctlSystemGetVCPUMmapSize), 0)
	if err != nil {
		return err
	}
	if g.area, err = unix.Mmap(int(g.vcpu), 0, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != nil {
		return err
	}
	// SAFETY: KVM says that the area holds struct kvm_run, and it stays mapped.
	g.run = (*uapi.Run)(unsafe.Pointer(&g.area[0]))
	return g.setRegs()
}

func (g *bareGuest) setRegs() error {
	var sregs uapi.Sregs
	if err := ioctlPtr(g.vcpu, uintptr(uapi.IoctlVCPUGetSregs), unsafe.Pointer(&sregs)); err != nil {
		return err
	}
	sregs.CS.Base, sregs.CS.Selector = 0, 0
	sregs.DS.Base, sregs.DS.Selector = deviceGPA, deviceGPA>>4
	if err := ioctlPtr(g.vcpu, uintptr(uapi.IoctlVCPUSetSregs), unsafe.Pointer(&sregs)); err != nil {
		return err
	}
	regs := uapi.Regs{RIP: codeAddr, RFLAGS: 2}
	return ioctlPtr(g.vcpu, uintptr(uapi.IoctlVCPUSetRegs), unsafe.Pointer(&regs))
}

func (g *bareGuest) runOnce() (uapi.ExitReason, error) {
	for {
		_, err := ioctl(g.vcpu, uintptr(uapi.IoctlVCPURun), 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		return uapi.ExitReason(g.run.ExitReason), os.NewSyscallError("KVM_RUN", err)
	}
}

func (g *bareGuest) runTo(want uapi.ExitReason) error {
	got, err := g.runOnce()
	if err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("exit reason %v, want %v", got, want)
	}
	return nil
}

// turn makes the calls of a row once, like the other sides.
func (b *bare) turn(r row) (time.Duration, error) {
	if err := r.bare(b, r.calls/4+1); err != nil {
		return 0, err
	}
	start := time.Now()
	err := r.bare(b, r.calls)
	return time.Since(start), err
}

func (b *bare) vmCycle(n int) error {
	for ; n > 0; n-- {
		var g bareGuest
		if err := g.create(b.sys, haltCode); err != nil {
			return err
		}
		if err := g.runTo(uapi.ExitHLT); err != nil {
			return err
		}
		if err := g.destroy(); err != nil {
			return err
		}
	}
	return nil
}

func (g *bareGuest) destroy() error {
	return errors.Join(unix.Munmap(g.area), unix.Close(int(g.vcpu)), unix.Close(int(g.vm)), unix.Munmap(g.ram))
}

func (b *bare) portIO(n int) error {
	for ; n > 0; n-- {
		if err := b.port.runTo(uapi.ExitIO); err != nil {
			return err
		}
		io := b.port.run.IO()
		b.sink += uint64(io.Port) + uint64(b.port.area[io.DataOffset])
	}
	return nil
}

func (b *bare) mmio(n int) error {
	for ; n > 0; n-- {
		if err := b.dev.runTo(uapi.ExitMMIO); err != nil {
			return err
		}
		mmio := b.dev.run.MMIO()
		b.sink += mmio.PhysAddr + uint64(mmio.Data[0])
	}
	return nil
}

// decode takes exits of both kinds in both directions, with all that KVM says of
// them.
func (b *bare) decode(n int) error {
	for ; n > 0; n-- {
		reason, err := b.mixed.runOnce()
		if err != nil {
			return err
		}
		switch reason {
		case uapi.ExitIO:
			b.sink += b.readIO(b.mixed.run.IO())
		case uapi.ExitMMIO:
			b.sink += b.readMMIO(b.mixed.run.MMIO())
		default:
			return fmt.Errorf("exit reason %v", reason)
		}
	}
	return nil
}

func (b *bare) readIO(io *uapi.RunIO) uint64 {
	size := uint64(io.Size) * uint64(io.Count)
	data := b.mixed.area[io.DataOffset:][:size]
	if io.Direction == uapi.ExitIOIn {
		putNumber(data, b.sink)
		return uint64(io.Port) + size
	}
	return 1 + uint64(io.Port) + size + number(data)
}

func (b *bare) readMMIO(mmio *uapi.RunMMIO) uint64 {
	data := mmio.Data[:mmio.Len]
	if mmio.IsWrite == 0 {
		putNumber(data, b.sink)
		return mmio.PhysAddr + uint64(mmio.Len)
	}
	return 1 + mmio.PhysAddr + uint64(mmio.Len) + number(data)
}

// number is what the guest writes.
func number(data []byte) uint64 {
	switch len(data) {
	case 1:
		return uint64(data[0])
	case 2:
		return uint64(binary.LittleEndian.Uint16(data))
	case 4:
		return uint64(binary.LittleEndian.Uint32(data))
	case 8:
		return binary.LittleEndian.Uint64(data)
	}
	return 0
}

// putNumber gives the guest what it reads.
func putNumber(data []byte, v uint64) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], v)
	copy(data, b[:])
}

func (b *bare) immediate(n int) error {
	for ; n > 0; n-- {
		if _, err := ioctl(b.idle.vcpu, uintptr(uapi.IoctlVCPURun), 0); !errors.Is(err, unix.EINTR) {
			return errors.Join(errors.New("KVM_RUN with immediate_exit did not return EINTR"), err)
		}
	}
	return nil
}

func (b *bare) getRegs(n int) error {
	var regs uapi.Regs
	for ; n > 0; n-- {
		if err := ioctlPtr(b.idle.vcpu, uintptr(uapi.IoctlVCPUGetRegs), unsafe.Pointer(&regs)); err != nil {
			return err
		}
		b.sink += regs.RIP
	}
	return nil
}

func (b *bare) checkExtension(n int) error {
	for ; n > 0; n-- {
		if has, err := ioctl(uintptr(b.sys), uintptr(uapi.IoctlSystemCheckExtension), uintptr(uapi.CapUserMemory)); err != nil || has == 0 {
			return errors.Join(err, errors.New("no KVM_CAP_USER_MEMORY"))
		}
	}
	return nil
}
