package linux

import (
	"context"
	"errors"
	"io"
	"net"

	"linuxkvm/internal/agent/wire"
	"linuxkvm/virtio"
	"linuxkvm/virtio/balloon"
	"linuxkvm/virtio/rng"
	"linuxkvm/virtio/vsock"
)

// openDevices makes the guest's devices, the disks first: their order is that of
// their names. When it fails they are closed, but for what is in vm.closers.
func (vm *VM) openDevices(cfg *Config) (devices []virtio.Device, err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, closeAll(closersOf(devices)))
		}
	}()
	devices, err = vm.openDisks(cfg)
	if err != nil {
		return devices, err
	}
	for i, v := range cfg.volumes() {
		d, err := v.open(i)
		if err != nil {
			return devices, err
		}
		devices = append(devices, d)
	}
	nics, err := vm.openNetwork(cfg)
	if err != nil {
		return devices, err
	}
	devices = append(devices, nics...)
	if vm.vsock, err = vsock.New(vsock.Config{CID: guestCID}); err != nil {
		return devices, err
	}
	vm.agent.Dial = func(ctx context.Context) (net.Conn, error) { return vm.vsock.Dial(ctx, wire.Port) }
	// What the guest does not use goes back to the host, and it gives up what it was
	// asked for before it would end a process for lack of memory.
	vm.balloon = balloon.New(balloon.Config{DeflateOnOOM: true, Reporting: true})
	devices = append(devices, vm.vsock, rng.New(rng.Config{}), vm.balloon)
	return append(devices, cfg.Devices...), nil
}

func (vm *VM) openDisks(cfg *Config) ([]virtio.Device, error) {
	var devices []virtio.Device
	for _, d := range cfg.disks() {
		dev, closers, err := openDisk(d)
		if err != nil {
			return devices, err
		}
		devices = append(devices, dev)
		vm.closers = append(vm.closers, closers...)
	}
	return devices, nil
}

func closersOf(devices []virtio.Device) (list []io.Closer) {
	for _, d := range devices {
		if c, ok := d.(io.Closer); ok {
			list = append(list, c)
		}
	}
	return list
}
