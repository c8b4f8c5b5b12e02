package debian

import (
	"context"
	"fmt"
	"strings"
)

// suites are the request's, each with what it is an addition to.
func (r Request) suites() []string {
	if r.Base == "" {
		return []string{r.Suite}
	}
	return []string{r.Suite, r.Base}
}

// closure asks apt what it would install on a machine that has nothing.
func (a *apt) closure(ctx context.Context, req Request) ([]exact, error) {
	args := []string{"install", "--print-uris", "-qq", "-y", "--no-install-recommends", "-t", req.Suite}
	out, err := a.run(ctx, a.state, "apt-get", append(args, req.Packages...)...)
	if err != nil {
		return nil, err
	}
	var wanted []exact
	for line := range strings.Lines(out) {
		words := strings.Fields(line)
		if len(words) < 2 {
			return nil, fmt.Errorf("debian: apt-get --print-uris printed %q", line)
		}
		e, err := splitName(words[1])
		if err != nil {
			return nil, err
		}
		wanted = append(wanted, e)
	}
	if len(wanted) == 0 {
		return nil, fmt.Errorf("debian: apt-get names nothing to install for %v", req)
	}
	return wanted, nil
}

// splitName takes "name_1%3a2.3_arch.deb" apart.
func splitName(name string) (exact, error) {
	parts := strings.Split(name, "_")
	if len(parts) != 3 {
		return exact{}, fmt.Errorf("debian: %q is not the name of a package file", name)
	}
	return exact{parts[0], strings.ReplaceAll(parts[1], "%3a", ":")}, nil
}
