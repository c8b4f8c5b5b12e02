package boot

import (
	"fmt"
	"strings"
)

// MaxCmdline is the longest command line in bytes, without the final NUL, that
// a loader accepts when the kernel itself declares no limit: what every Linux
// since 2.6 takes on amd64.
const MaxCmdline = 2047

// CheckCmdline refuses a command line the kernel would cut or misread. limit
// is the longest accepted length in bytes without the final NUL; 0 means
// MaxCmdline. Tabs pass; NUL, newline and other control bytes do not.
func CheckCmdline(line string, limit uint32) error {
	if limit == 0 {
		limit = MaxCmdline
	}
	if uint64(len(line)) > uint64(limit) {
		return &FormatError{Kind: ErrCmdline, Remedy: "shorten it",
			What: fmt.Sprintf("the kernel command line has %d bytes and the kernel takes at most %d", len(line), limit)}
	}
	for i := range len(line) {
		if c := line[i]; c < ' ' && c != '\t' || c == 0x7f {
			return &FormatError{Kind: ErrCmdline, Remedy: "remove it",
				What: fmt.Sprintf("the kernel command line has a forbidden byte %#02x at offset %d", c, i)}
		}
	}
	return nil
}

// AppendCmdline joins command line parts with one space each and leaves out
// empty ones. Parameters in a later part override earlier ones in most of
// Linux. A part that contains " -- " ends the kernel's own parameters, so
// everything behind it goes to init: put such a part last.
func AppendCmdline(line string, parts ...string) string {
	out := strings.TrimSpace(line)
	for _, p := range parts {
		if p = strings.TrimSpace(p); p == "" {
			continue
		}
		if out != "" {
			out += " "
		}
		out += p
	}
	return out
}
