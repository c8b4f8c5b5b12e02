package kvm

import (
	"fmt"
	"math"

	"linuxkvm/uapi"
)

// Metric describes one of the statistics.
type Metric struct {
	Name string
	Type StatsType
	Unit StatsUnit
	// A value counts in units of Base to the power of Exponent: see Scale.
	Base     StatsBase
	Exponent int
	// Len is the number of values: 1, or for a histogram the number of buckets.
	Len        int
	BucketSize uint32 // of a linear histogram

	first int // where its values begin, counted in values
}

// Values returns the metric's part of what [Stats.Read] has filled, in place. It is
// nil when values is too short to have it.
func (m Metric) Values(values []uint64) []uint64 {
	if m.first < 0 || m.Len < 0 || m.first > len(values) || m.Len > len(values)-m.first {
		return nil
	}
	return values[m.first : m.first+m.Len : m.first+m.Len]
}

// Value returns the metric's first value, in the manner of Values; 0 for none.
func (m Metric) Value(values []uint64) uint64 {
	if v := m.Values(values); len(v) > 0 {
		return v[0]
	}
	return 0
}

// Scale is what a value of 1 stands for: 1e-9 for nanoseconds, whose Unit is
// seconds.
func (m Metric) Scale() float64 {
	if m.Base == uapi.StatsBasePow2 {
		return math.Pow(2, float64(m.Exponent))
	}
	return math.Pow(10, float64(m.Exponent))
}

// Bucket returns which numbers value i of a histogram counts: those from low on and
// below high. The last bucket counts all that are larger too, and has MaxUint64. For
// what is no histogram, or has no such bucket, both are 0.
func (m Metric) Bucket(i int) (low, high uint64) {
	if i < 0 || i >= m.Len {
		return 0, 0
	}
	switch m.Type {
	case uapi.StatsTypeLinearHist:
		// No more than 16 and 32 bits: the product fits.
		low, high = uint64(i)*uint64(m.BucketSize), uint64(i+1)*uint64(m.BucketSize)
	case uapi.StatsTypeLogHist:
		low, high = powerOf2(i-1), powerOf2(i)
	default:
		return 0, 0
	}
	if i == m.Len-1 {
		high = math.MaxUint64
	}
	return low, high
}

// powerOf2 is 0 for a negative n, and as large as can be for one beyond 63.
func powerOf2(n int) uint64 {
	switch {
	case n < 0:
		return 0
	case n > 63:
		return math.MaxUint64
	default:
		return 1 << n
	}
}

// StatsType is what becomes of a value as time goes by: uapi.StatsTypeCumulative
// (it grows), StatsTypeInstant (it is what it is now), StatsTypePeak (the largest so
// far), StatsTypeLinearHist or StatsTypeLogHist (counts in buckets). KVM may know
// others.
type StatsType uint32

func (t StatsType) String() string {
	switch t {
	case uapi.StatsTypeCumulative:
		return "cumulative"
	case uapi.StatsTypeInstant:
		return "instant"
	case uapi.StatsTypePeak:
		return "peak"
	case uapi.StatsTypeLinearHist:
		return "linear histogram"
	case uapi.StatsTypeLogHist:
		return "logarithmic histogram"
	}
	return fmt.Sprintf("StatsType(%#x)", uint32(t))
}

// StatsUnit is what a value counts: uapi.StatsUnitNone, StatsUnitBytes,
// StatsUnitSeconds, StatsUnitCycles or StatsUnitBoolean. KVM may know others.
type StatsUnit uint32

func (u StatsUnit) String() string {
	switch u {
	case uapi.StatsUnitNone:
		return "none"
	case uapi.StatsUnitBytes:
		return "bytes"
	case uapi.StatsUnitSeconds:
		return "seconds"
	case uapi.StatsUnitCycles:
		return "cycles"
	case uapi.StatsUnitBoolean:
		return "boolean"
	}
	return fmt.Sprintf("StatsUnit(%#x)", uint32(u))
}

// StatsBase is the base of a metric's scale: uapi.StatsBasePow10 or StatsBasePow2.
type StatsBase uint32

func (b StatsBase) String() string {
	switch b {
	case uapi.StatsBasePow10:
		return "10"
	case uapi.StatsBasePow2:
		return "2"
	}
	return fmt.Sprintf("StatsBase(%#x)", uint32(b))
}
