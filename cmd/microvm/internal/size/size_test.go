package size

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for in, want := range map[string]Bytes{
		"512M": 512 << 20, "512MiB": 512 << 20, "512m": 512 << 20, "512mib": 512 << 20,
		"1G": 1 << 30, "1GiB": 1 << 30, "2T": 2 << 40, "4K": 4096, "64KiB": 65536,
		"4096B": 4096, "0M": 0, "007G": 7 << 30, "8388607T": 8388607 << 40,
	} {
		got, err := Parse(in)
		if err != nil || got != want {
			t.Errorf("Parse(%q) = %d, %v; want %d", in, got, err, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, in := range []string{
		"", "512", "512X", "M", "-1M", "+1M", "1.5G", "512 M", " 512M", "512M ", "512MB", "0x10M",
		"1GiBB", "1iB", "512Mi", "99999999999999999999K", "8388608T", "16777216T", "18446744073709551615T", "١M",
	} {
		got, err := Parse(in)
		if err == nil {
			t.Errorf("Parse(%q) = %d, want an error", in, got)
			continue
		}
		if !strings.Contains(err.Error(), "512M, 1G or 1GiB") {
			t.Errorf("Parse(%q): %q does not name the valid forms", in, err)
		}
		if strings.Contains(err.Error(), "\n") {
			t.Errorf("Parse(%q): more than one line: %q", in, err)
		}
	}
}

func TestSetKeepsTheOldValueOnError(t *testing.T) {
	b := Bytes(4096)
	if err := b.Set("junk"); err == nil || b != 4096 {
		t.Errorf("after Set of junk: %d, %v", b, err)
	}
}

func TestString(t *testing.T) {
	for b, want := range map[Bytes]string{
		0: "0B", 1: "1B", 1023: "1023B", 1024: "1K", 512 << 20: "512M", 1 << 30: "1G", 1536 << 20: "1536M", 3 << 40: "3T",
	} {
		if got := b.String(); got != want {
			t.Errorf("%d: %q, want %q", uint64(b), got, want)
		}
		if back, err := Parse(want); err != nil || back != b {
			t.Errorf("Parse(%q) = %d, %v", want, back, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"512M", "1GiB", "0B", "x", "99999999999999999999T"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		b, err := Parse(s)
		if err != nil {
			return
		}
		if again, err := Parse(b.String()); err != nil || again != b {
			t.Errorf("%q is %d, written %q, read back %d, %v", s, b, b, again, err)
		}
	})
}
