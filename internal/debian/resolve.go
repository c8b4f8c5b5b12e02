package debian

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// exact is a package at an exact version.
type exact struct{ Package, Version string }

// resolve returns the packages of the request with what they depend on exactly,
// dependencies first.
func (a *apt) resolve(ctx context.Context, req Request) ([]exact, error) {
	var order []exact
	seen := map[string]bool{}
	var visit func(name, version string) error
	visit = func(name, version string) error {
		if seen[name] {
			return nil
		}
		seen[name] = true
		fields, err := a.show(ctx, name, version)
		if err != nil {
			return err
		}
		for _, d := range exactDependencies(fields["Pre-Depends"] + "," + fields["Depends"]) {
			if err := visit(d.Package, d.Version); err != nil {
				return err
			}
		}
		order = append(order, exact{name, fields["Version"]})
		return nil
	}
	for _, p := range req.Packages {
		name, version, _ := strings.Cut(p, "=")
		if err := visit(name, version); err != nil {
			return nil, err
		}
	}
	return order, nil
}

// show returns the control fields of a package; the newest if version is empty.
func (a *apt) show(ctx context.Context, name, version string) (map[string]string, error) {
	out, err := a.run(ctx, a.state, "apt-cache", "show", "--no-all-versions", name)
	fields := parseControl(out)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	have := fields["Version"]
	if err != nil || have == "" || version != "" && version != have {
		return nil, &NotFoundError{Suite: a.suite, Package: name, Version: version, Have: have}
	}
	return fields, nil
}

// parseControl reads the first stanza; continuation lines are dropped.
func parseControl(text string) map[string]string {
	fields := map[string]string{}
	for line := range strings.Lines(text) {
		if line == "\n" {
			break
		}
		if name, value, ok := strings.Cut(line, ":"); ok && line[0] != ' ' && line[0] != '\t' {
			fields[name] = strings.TrimSpace(value)
		}
	}
	return fields
}

// exactDependencies picks "name (= version)" out of a Depends field. An
// alternative ("a | b") is no exact dependency.
func exactDependencies(depends string) []exact {
	var found []exact
	for clause := range strings.SplitSeq(depends, ",") {
		if strings.Contains(clause, "|") {
			continue
		}
		name, rest, ok := strings.Cut(strings.TrimSpace(clause), " (= ")
		version, closed := strings.CutSuffix(rest, ")")
		if ok && closed {
			name, _, _ = strings.Cut(name, ":") // an architecture qualifier
			found = append(found, exact{name, version})
		}
	}
	return found
}

// locate asks apt where the packages are and what their hashes are, which it
// knows from the signed lists.
func (a *apt) locate(ctx context.Context, wanted []exact) ([]file, error) {
	args := []string{"download", "--print-uris"}
	for _, w := range wanted {
		args = append(args, w.Package+"="+w.Version)
	}
	out, err := a.run(ctx, a.state, "apt-get", args...)
	if err != nil {
		return nil, err
	}
	found := map[exact]file{}
	for line := range strings.Lines(out) {
		f, err := parseURI(line)
		if err != nil {
			return nil, fmt.Errorf("debian: %w", err)
		}
		found[exact{f.Package, f.Version}] = f
	}
	files := make([]file, len(wanted))
	for i, w := range wanted {
		var ok bool
		if files[i], ok = found[w]; !ok {
			return nil, fmt.Errorf("debian: apt-get does not say where %s %s is", w.Package, w.Version)
		}
	}
	return files, nil
}

// parseURI reads a line of --print-uris: 'URI' name size SHA256:hex.
func parseURI(line string) (file, error) {
	words := strings.Fields(line)
	if len(words) != 4 {
		return file{}, fmt.Errorf("apt-get --print-uris printed %q", line)
	}
	size, err := strconv.ParseInt(words[2], 10, 64)
	if err != nil {
		return file{}, fmt.Errorf("apt-get --print-uris printed %q", line)
	}
	sum, ok := strings.CutPrefix(words[3], "SHA256:")
	if !ok || !plain.MatchString(words[1]) && !strings.Contains(words[1], "%3a") {
		return file{}, fmt.Errorf("apt-get --print-uris printed %q", line)
	}
	e, err := splitName(words[1])
	return file{Package: e.Package, Version: e.Version, Name: words[1], Size: size, SHA256: sum}, err
}
