// Package size reads amounts of memory as people write them.
package size

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
)

// Bytes is an amount of memory. It is a flag value: its zero value is 0 bytes.
type Bytes uint64

// forms is what every refusal shows. A number without a unit is refused: some
// programs take it for bytes, others for mebibytes.
const forms = "write a whole number and a unit, as in 512M, 1G or 1GiB (K, M, G and T are powers of 1024, B is bytes)"

var units = map[string]uint{"b": 0, "k": 10, "m": 20, "g": 30, "t": 40}

// Parse reads a size such as 512M. Units are K, M, G and T, which are powers of
// 1024, alone or followed by "iB"; and B. Their case does not matter.
func Parse(s string) (Bytes, error) {
	digits := strings.TrimLeft(s, "0123456789")
	number, unit := s[:len(s)-len(digits)], strings.ToLower(digits)
	if len(unit) == 3 {
		unit = strings.TrimSuffix(unit, "ib")
	}
	shift, ok := units[unit]
	if number == "" || !ok {
		return 0, fmt.Errorf("%q is not a size: %s", s, forms)
	}
	n, err := strconv.ParseUint(number, 10, 64)
	if err != nil || bits.Len64(n)+int(shift) > 63 {
		return 0, fmt.Errorf("%q is more than any machine has: %s", s, forms)
	}
	return Bytes(n << shift), nil
}

// Set parses s; it makes *Bytes a flag value.
func (b *Bytes) Set(s string) error {
	n, err := Parse(s)
	if err != nil {
		return err
	}
	*b = n
	return nil
}

// String writes the size in the largest unit that loses nothing: 512M.
func (b Bytes) String() string {
	for _, u := range []struct {
		name  string
		shift uint
	}{{"T", 40}, {"G", 30}, {"M", 20}, {"K", 10}} {
		if b != 0 && b&(1<<u.shift-1) == 0 {
			return fmt.Sprintf("%d%s", uint64(b)>>u.shift, u.name)
		}
	}
	return fmt.Sprintf("%dB", uint64(b))
}

// Type names the kind of value in a help text.
func (*Bytes) Type() string { return "size" }
