package kvm

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"linuxkvm/uapi"
)

// The file of statistics is a header, an identification, descriptors and a block of
// 64-bit values, each where the header says. The first three never change.
const (
	statsHeaderSize = 24
	statsDescSize   = 16 // without the name

	// Far beyond any kernel's: what says more is no file of statistics.
	maxStatsName  = 1 << 10
	maxStatsDescs = 4 << 10
	maxStatsWords = 1 << 20
)

// statsLayout is what the file says of itself.
type statsLayout struct {
	id         string
	metrics    []Metric
	words      int   // of the block that has all values
	dataOffset int64 // bytes
}

func readStatsLayout(file io.ReaderAt) (l statsLayout, err error) {
	header, err := readStatsHeader(file)
	if err != nil {
		return l, err
	}
	id := make([]byte, header.NameSize)
	if err := readFull(file, id, int64(header.IDOffset)); err != nil {
		return l, err
	}
	l.id, l.dataOffset = cString(id), int64(header.DataOffset)
	size := statsDescSize + int(header.NameSize)
	desc := make([]byte, size)
	for i := range int64(header.NumDesc) {
		if err := readFull(file, desc, int64(header.DescOffset)+i*int64(size)); err != nil {
			return l, err
		}
		m, err := parseMetric(desc)
		if err != nil {
			return l, err
		}
		l.metrics = append(l.metrics, m)
		l.words = max(l.words, m.first+m.Len)
	}
	return l, nil
}

func readStatsHeader(file io.ReaderAt) (h uapi.StatsHeader, err error) {
	var b [statsHeaderSize]byte
	if err := readFull(file, b[:], 0); err != nil {
		return h, err
	}
	word := func(i int) uint32 { return binary.NativeEndian.Uint32(b[4*i:]) }
	h = uapi.StatsHeader{
		Flags: word(0), NameSize: word(1), NumDesc: word(2), IDOffset: word(3), DescOffset: word(4), DataOffset: word(5),
	}
	switch {
	case h.NameSize == 0 || h.NameSize > maxStatsName:
		return h, fmt.Errorf("statistics with names of %d bytes: want 1 to %d", h.NameSize, maxStatsName)
	case h.NumDesc > maxStatsDescs:
		return h, fmt.Errorf("%d statistics: want at most %d", h.NumDesc, maxStatsDescs)
	case h.IDOffset < statsHeaderSize || h.DescOffset < statsHeaderSize || h.DataOffset < statsHeaderSize:
		return h, fmt.Errorf("statistics with parts at %d, %d and %d: the header has %d bytes", h.IDOffset, h.DescOffset, h.DataOffset, statsHeaderSize)
	}
	return h, nil
}

// parseMetric reads a descriptor, of which the name is what is left.
func parseMetric(b []byte) (m Metric, err error) {
	flags := binary.NativeEndian.Uint32(b)
	offset := binary.NativeEndian.Uint32(b[8:])
	m = Metric{
		Name:       cString(b[statsDescSize:]),
		Type:       StatsType(flags & uapi.StatsTypeMask),
		Unit:       StatsUnit(flags & uapi.StatsUnitMask),
		Base:       StatsBase(flags & uapi.StatsBaseMask),
		Exponent:   int(int16(binary.NativeEndian.Uint16(b[4:]))),
		Len:        int(binary.NativeEndian.Uint16(b[6:])),
		BucketSize: binary.NativeEndian.Uint32(b[12:]),
		first:      int(offset / 8),
	}
	if offset%8 != 0 || m.first+m.Len > maxStatsWords {
		return m, fmt.Errorf("statistic %q: %d values at offset %d: want them at a multiple of 8, and below %d", m.Name, m.Len, offset, maxStatsWords)
	}
	return m, nil
}

// cString is the text before the first zero byte.
func cString(b []byte) string {
	text, _, _ := bytes.Cut(b, []byte{0})
	return string(text)
}
