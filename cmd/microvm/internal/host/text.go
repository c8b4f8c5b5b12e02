package host

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// lineWidth is how long lines of running text are.
const lineWidth = 90

// Text writes the information for a person.
func (i *Info) Text(w io.Writer) error {
	p := &printer{w: tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)}
	p.host(i)
	p.limits(&i.Limits)
	p.cpu(&i.CPU)
	p.measured(&i.Measured)
	p.confinement(&i.Confinement)
	p.capabilities(i.Capabilities)
	if p.err == nil {
		p.err = p.w.Flush()
	}
	return p.err
}

// printer remembers the first error, so that its users need not.
type printer struct {
	w   *tabwriter.Writer
	err error
}

func (p *printer) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}

// title begins a section whose columns are its own.
func (p *printer) title(format string, args ...any) {
	p.printf("\n"+format+"\n", args...)
}

func (p *printer) line(name, format string, args ...any) {
	p.printf("  "+name+"\t"+format+"\n", args...)
}

// words writes words on as many lines as they need.
func (p *printer) words(indent string, words []string) {
	line := indent
	for _, word := range words {
		if len(line)+1+len(word) > lineWidth && line != indent {
			p.printf("%s\n", line)
			line = indent
		}
		if line != indent {
			line += " "
		}
		line += word
	}
	if line != indent {
		p.printf("%s\n", line)
	}
}

func (p *printer) host(i *Info) {
	p.printf("KVM on this host\n")
	p.line("kernel", "%s", i.Kernel)
	p.line("module", "%s", i.Module.Words())
	p.line("API version", "%d", i.APIVersion)
}

func (p *printer) limits(l *Limits) {
	p.title("Limits of a VM")
	p.line("vCPUs", "%d recommended, %d at most, ids 0 to %d", l.RecommendedVCPUs, l.MaxVCPUs, l.MaxVCPUID)
	p.line("memory slots", "%d", l.MemorySlots)
	p.line("shared with a vCPU", "%d bytes", l.VCPUMmapSize)
}

func (p *printer) measured(m *Measured) {
	p.title("Measured with tiny guests")
	if m.Error == "" {
		p.line("one exit ("+exitKind+", median)", "%s", duration(float64(m.ExitNS)))
		p.line("guest kernel mode", "%s per iteration of a loop of two instructions", duration(m.KernelLoopNS))
		p.line("guest user mode", "%s per iteration of the same loop", duration(m.UserLoopNS))
	}
	p.words("  ", strings.Fields(m.Advice))
}

// duration writes nanoseconds with two or three digits that count.
func duration(ns float64) string {
	switch d := time.Duration(ns); {
	case d >= time.Millisecond:
		return fmt.Sprintf("%.1f ms", ns/1e6)
	case d >= time.Microsecond:
		return fmt.Sprintf("%.1f us", ns/1e3)
	case ns >= 100:
		return fmt.Sprintf("%.0f ns", ns)
	}
	return fmt.Sprintf("%.2f ns", ns)
}

// capabilities writes what is offered with its meaning, then what is not, then
// the names that belong to other architectures.
func (p *printer) capabilities(all []Capability) {
	var offered, missing []Capability
	var others []string
	for _, c := range all {
		switch {
		case c.Offered:
			offered = append(offered, c)
		case foreign(c.Name):
			others = append(others, strings.TrimPrefix(c.Name, capPrefix))
		default:
			missing = append(missing, c)
		}
	}
	p.title("Capabilities offered: %d of %d (all begin with %s)", len(offered), len(all), capPrefix)
	p.table(offered)
	p.title("Capabilities not offered: %d", len(missing))
	p.table(missing)
	if len(others) > 0 {
		p.title("Not offered, and of other architectures: %d", len(others))
		p.words("  ", others)
	}
}

const capPrefix = "KVM_CAP_"

func (p *printer) table(list []Capability) {
	for _, c := range list {
		value, words := c.columns()
		p.printf("  %s\t%s\t%s\n", strings.TrimPrefix(c.Name, capPrefix), value, words)
	}
}

// columns gives the value in short and the meaning, which for several abilities
// in one number names them.
func (c *Capability) columns() (value, words string) {
	m := meanings[c.Name]
	if m.unit == mask && c.Offered {
		return fmt.Sprintf("%#x", uint32(c.Value)), m.words + ": " + bitNames(uint32(c.Value), m.bits)
	}
	if m.words == "" {
		return c.Reading, "(no words for it here)"
	}
	return c.Reading, m.words
}
