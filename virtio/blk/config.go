package blk

import (
	"encoding/binary"
	"math/bits"

	"linuxkvm/virtio"
)

// Features (section 5.2.3).
const (
	featureSegMax      = 1 << 2
	featureRO          = 1 << 5
	featureBlkSize     = 1 << 6
	featureFlush       = 1 << 9
	featureTopology    = 1 << 10
	featureConfigWCE   = 1 << 11
	featureMQ          = 1 << 12
	featureDiscard     = 1 << 13
	featureWriteZeroes = 1 << 14
)

// Fields of the configuration (section 5.2.4).
const (
	configCapacity              = 0
	configSegMax                = 12
	configBlkSize               = 20
	configPhysicalExp           = 24
	configMinIO                 = 26
	configWriteback             = 32
	configNumQueues             = 34
	configMaxDiscard            = 36
	configMaxDiscardSeg         = 40
	configDiscardAlign          = 44
	configMaxZeroes             = 48
	configMaxZeroesSeg          = 52
	configZeroesMayUnmap        = 56
	configSize                  = 60
	sectorSize                  = 512
	physicalBlock               = 4096
	maxSegments                 = queueSize - 2 // of data: a header and a status go with them
	maxRanges                   = 16            // of a request to discard or to write zeros
	maxRangeSectors      uint32 = 1 << 21       // 1 GiB: a worker is not away for long
)

// Type implements virtio.Device.
func (d *Device) Type() uint32 { return virtio.TypeBlock }

// Features implements virtio.Device.
func (d *Device) Features() uint64 {
	f := uint64(featureSegMax | featureBlkSize | featureTopology | featureFlush | featureMQ)
	if d.cfg.ReadOnly {
		return f | featureRO
	}
	f |= featureConfigWCE | featureWriteZeroes
	if d.discarder != nil {
		f |= featureDiscard
	}
	return f
}

// QueueSizes implements virtio.Device.
func (d *Device) QueueSizes() []uint16 {
	sizes := make([]uint16, d.cfg.Queues)
	for i := range sizes {
		sizes[i] = queueSize
	}
	return sizes
}

// ReadConfig implements virtio.Device.
func (d *Device) ReadConfig(off uint64, p []byte) {
	var c [configSize]byte
	le := binary.LittleEndian
	le.PutUint64(c[configCapacity:], d.sectors.Load())
	le.PutUint32(c[configSegMax:], maxSegments)
	le.PutUint32(c[configBlkSize:], uint32(d.cfg.BlockSize))
	perBlock := physicalBlock / d.cfg.BlockSize
	c[configPhysicalExp] = uint8(bits.TrailingZeros(uint(perBlock)))
	le.PutUint16(c[configMinIO:], uint16(perBlock))
	if d.writeback.Load() {
		c[configWriteback] = 1
	}
	le.PutUint16(c[configNumQueues:], uint16(d.cfg.Queues))
	if !d.cfg.ReadOnly {
		d.rangeLimits(c[:])
	}
	virtio.ReadConfig(c[:], off, p)
}

func (d *Device) rangeLimits(c []byte) {
	le := binary.LittleEndian
	if d.discarder != nil {
		le.PutUint32(c[configMaxDiscard:], maxRangeSectors)
		le.PutUint32(c[configMaxDiscardSeg:], maxRanges)
		le.PutUint32(c[configDiscardAlign:], physicalBlock/sectorSize)
	}
	le.PutUint32(c[configMaxZeroes:], maxRangeSectors)
	le.PutUint32(c[configMaxZeroesSeg:], maxRanges)
	if d.zeroes != nil {
		c[configZeroesMayUnmap] = 1
	}
}

// WriteConfig implements virtio.Device: the driver may turn the cache off, so that
// each write lasts when it is done.
func (d *Device) WriteConfig(off uint64, p []byte) {
	if off == configWriteback && len(p) == 1 && p[0] <= 1 && !d.cfg.ReadOnly {
		d.writeback.Store(p[0] == 1)
	}
}
