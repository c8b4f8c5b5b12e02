package host

import (
	"strings"

	"linuxkvm/confine"
)

// Confinement is what this host's kernel has to confine a machine's process with.
type Confinement struct {
	Landlock int  `json:"landlock"` // version of its ABI, 0 if there is none that will do
	Seccomp  bool `json:"seccomp"`  // system calls can be filtered
	// Lacks says of each that is missing what it is for, and how to get it.
	Lacks []string `json:"lacks,omitempty"`
}

func confinement(m confine.Means) Confinement {
	c := Confinement{Landlock: m.Landlock, Seccomp: m.Seccomp}
	for _, lack := range m.Lacks() {
		c.Lacks = append(c.Lacks, lack.Error())
	}
	return c
}

func (p *printer) confinement(c *Confinement) {
	p.title("Confinement of a machine's process, besides no_new_privs")
	if c.Landlock > 0 {
		p.line("Landlock (files)", "version %d", c.Landlock)
	} else {
		p.line("Landlock (files)", "no")
	}
	p.line("seccomp (system calls)", "%s", map[bool]string{true: "yes", false: "no"}[c.Seccomp])
	for _, lack := range c.Lacks {
		p.words("  ", strings.Fields(lack))
	}
}
