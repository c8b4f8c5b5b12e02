package kvm

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"slices"
	"testing"

	"linuxkvm/uapi"
)

// statsFile builds a file of statistics as the kernel's documentation has it.
type statsFile struct {
	header uapi.StatsHeader
	id     string
	descs  []statsDesc
	data   []uint64
}

type statsDesc struct {
	uapi.StatsDesc
	name string
}

const testNameSize = 16

func (f statsFile) bytes() []byte {
	text := func(b []byte, s string) []byte {
		return append(b, append([]byte(s), make([]byte, testNameSize-len(s))...)...)
	}
	h := f.header
	h.NameSize, h.NumDesc = testNameSize, uint32(len(f.descs))
	h.IDOffset = 24
	h.DescOffset = h.IDOffset + testNameSize
	h.DataOffset = h.DescOffset + h.NumDesc*(16+testNameSize)
	var b []byte
	for _, w := range []uint32{h.Flags, h.NameSize, h.NumDesc, h.IDOffset, h.DescOffset, h.DataOffset} {
		b = binary.NativeEndian.AppendUint32(b, w)
	}
	b = text(b, f.id)
	for _, d := range f.descs {
		b = binary.NativeEndian.AppendUint32(b, d.Flags)
		b = binary.NativeEndian.AppendUint16(b, uint16(d.Exponent))
		b = binary.NativeEndian.AppendUint16(b, d.Size)
		b = binary.NativeEndian.AppendUint32(b, d.Offset)
		b = binary.NativeEndian.AppendUint32(b, d.BucketSize)
		b = text(b, d.name)
	}
	for _, v := range f.data {
		b = binary.NativeEndian.AppendUint64(b, v)
	}
	return b
}

var testStats = statsFile{
	id: "kvm-1/vcpu-0",
	descs: []statsDesc{
		{uapi.StatsDesc{Flags: uapi.StatsTypeCumulative, Size: 1}, "exits"},
		{uapi.StatsDesc{Flags: uapi.StatsTypeCumulative | uapi.StatsUnitSeconds, Exponent: -9, Size: 1, Offset: 8}, "halt_ns"},
		{uapi.StatsDesc{Flags: uapi.StatsTypeLinearHist | uapi.StatsUnitBytes | uapi.StatsBasePow2, Exponent: 20, Size: 3, Offset: 16, BucketSize: 5}, "lin"},
		{uapi.StatsDesc{Flags: uapi.StatsTypeLogHist | uapi.StatsUnitCycles, Size: 4, Offset: 40}, "log"},
		{uapi.StatsDesc{Flags: uapi.StatsTypeInstant | uapi.StatsUnitBoolean, Size: 1, Offset: 72}, "a name of 16 byt"},
		{uapi.StatsDesc{Flags: uapi.StatsTypePeak, Offset: 80}, "empty"},
		{uapi.StatsDesc{Flags: 0xfff, Size: 1, Offset: 0}, "unknown"},
	},
	data: []uint64{7, 8, 1, 2, 3, 11, 12, 13, 14, 1},
}

func TestStatsAreParsed(t *testing.T) {
	file := bytes.NewReader(testStats.bytes())
	l, err := readStatsLayout(file)
	must(t, err)
	if l.id != testStats.id || l.words != 10 || len(l.metrics) != 7 {
		t.Fatalf("id %q, %d values, %d metrics", l.id, l.words, len(l.metrics))
	}
	values := make([]uint64, l.words)
	must(t, readFull(file, asBytes(values), l.dataOffset))
	for i, want := range []struct {
		name, kind, unit, base string
		scale                  float64
		values                 []uint64
	}{
		{"exits", "cumulative", "none", "10", 1, []uint64{7}},
		{"halt_ns", "cumulative", "seconds", "10", 1e-9, []uint64{8}},
		{"lin", "linear histogram", "bytes", "2", 1 << 20, []uint64{1, 2, 3}},
		{"log", "logarithmic histogram", "cycles", "10", 1, []uint64{11, 12, 13, 14}},
		{"a name of 16 byt", "instant", "boolean", "10", 1, []uint64{1}},
		{"empty", "peak", "none", "10", 1, []uint64{}},
		{"unknown", "StatsType(0xf)", "StatsUnit(0xf0)", "StatsBase(0xf00)", 1, []uint64{7}},
	} {
		m := l.metrics[i]
		if m.Name != want.name || m.Type.String() != want.kind || m.Unit.String() != want.unit || m.Base.String() != want.base || m.Scale() != want.scale {
			t.Errorf("%+v, %v, %v, %v, %v; want %+v", m, m.Type, m.Unit, m.Base, m.Scale(), want)
		}
		if got := m.Values(values); !slices.Equal(got, want.values) {
			t.Errorf("%s: %d, want %d", m.Name, got, want.values)
		}
	}
	if l.metrics[3].Value(values) != 11 || l.metrics[5].Value(values) != 0 {
		t.Error("Value is not the first of Values")
	}
	for _, short := range [][]uint64{nil, values[:7]} {
		if got := l.metrics[3].Values(short); got != nil || l.metrics[3].Value(short) != 0 {
			t.Errorf("of %d values: %d", len(short), got)
		}
	}
}

func TestHistogramBuckets(t *testing.T) {
	const end = math.MaxUint64
	for _, tc := range []struct {
		m    Metric
		want [][2]uint64
	}{
		{Metric{Type: uapi.StatsTypeLinearHist, Len: 3, BucketSize: 5}, [][2]uint64{{0, 5}, {5, 10}, {10, end}}},
		{Metric{Type: uapi.StatsTypeLogHist, Len: 4}, [][2]uint64{{0, 1}, {1, 2}, {2, 4}, {4, end}}},
		{Metric{Type: uapi.StatsTypeCumulative, Len: 1}, [][2]uint64{{0, 0}}},
	} {
		for i, want := range tc.want {
			if low, high := tc.m.Bucket(i); low != want[0] || high != want[1] {
				t.Errorf("%v: bucket %d is %d to %d, want %d", tc.m.Type, i, low, high, want)
			}
		}
		for _, i := range []int{-1, tc.m.Len, math.MaxInt, math.MinInt} {
			if low, high := tc.m.Bucket(i); low != 0 || high != 0 {
				t.Errorf("%v: there is a bucket %d, %d to %d", tc.m.Type, i, low, high)
			}
		}
	}
	big := Metric{Type: uapi.StatsTypeLogHist, Len: math.MaxUint16}
	if low, high := big.Bucket(1000); low != end || high != end {
		t.Errorf("bucket 1000 is %d to %d", low, high)
	}
}

// A file that does not fit together is refused, and nothing large is made of it.
func TestBadStatsAreRefused(t *testing.T) {
	good := testStats.bytes()
	word := func(off int, v uint32) []byte {
		b := bytes.Clone(good)
		binary.NativeEndian.PutUint32(b[off:], v)
		return b
	}
	const firstDesc = 24 + testNameSize
	for name, b := range map[string][]byte{
		"nothing":               nil,
		"a header alone":        good[:24],
		"half a header":         good[:10],
		"an id alone":           good[:firstDesc],
		"half a descriptor":     good[:firstDesc+20],
		"no names":              word(4, 0),
		"huge names":            word(4, math.MaxUint32),
		"too many":              word(8, math.MaxUint32),
		"more than there are":   word(8, 100),
		"id in the header":      word(12, 8),
		"id beyond":             word(12, math.MaxUint32),
		"descs in the header":   word(16, 0),
		"descs beyond":          word(16, math.MaxUint32),
		"data in the header":    word(20, 23),
		"a value at an odd one": word(firstDesc+8, 4),
		"a value far out":       word(firstDesc+8, math.MaxUint32&^7),
	} {
		if l, err := readStatsLayout(bytes.NewReader(b)); err == nil {
			t.Errorf("%s: %+v", name, l)
		}
	}
	broken := errors.New("broken")
	if _, err := readStatsLayout(readerAt(func([]byte, int64) (int, error) { return 0, broken })); !errors.Is(err, broken) {
		t.Errorf("a file that cannot be read: %v", err)
	}
	// A file that gives a byte at a time is read whole, one that gives nothing is not.
	file := bytes.NewReader(good)
	l, err := readStatsLayout(readerAt(func(p []byte, off int64) (int, error) { return file.ReadAt(p[:1], off) }))
	if err != nil || len(l.metrics) != 7 {
		t.Errorf("byte by byte: %d metrics, %v", len(l.metrics), err)
	}
	if _, err := readStatsLayout(readerAt(func([]byte, int64) (int, error) { return 0, nil })); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("an empty file: %v", err)
	}
}

type readerAt func(p []byte, off int64) (int, error)

func (f readerAt) ReadAt(p []byte, off int64) (int, error) { return f(p, off) }

func FuzzStats(f *testing.F) {
	good := testStats.bytes()
	f.Add(good)
	f.Add(good[:24])
	for _, off := range []int{4, 8, 12, 16, 20, 24 + testNameSize, 24 + testNameSize + 4, 24 + testNameSize + 8} {
		b := bytes.Clone(good)
		binary.NativeEndian.PutUint32(b[off:], math.MaxUint32)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		file := bytes.NewReader(b)
		l, err := readStatsLayout(file)
		if err != nil {
			return
		}
		if l.words < 0 || l.words > maxStatsWords || l.dataOffset < statsHeaderSize {
			t.Fatalf("%d values at %d", l.words, l.dataOffset)
		}
		values := make([]uint64, l.words)
		_ = readFull(file, asBytes(values), l.dataOffset)
		for _, m := range l.metrics {
			if len(m.Values(values)) != m.Len {
				t.Errorf("%+v: %d values", m, len(m.Values(values)))
			}
			_, _, _, _ = m.Scale(), m.Type.String(), m.Unit.String(), m.Base.String()
			for i := range min(m.Len, 70) {
				if low, high := m.Bucket(i); low > high {
					t.Errorf("%+v: bucket %d is %d to %d", m, i, low, high)
				}
			}
		}
	})
}
