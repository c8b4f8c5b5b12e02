// Package debian fetches packages of any Debian suite and architecture without
// touching the machine's own package state and without installing anything.
//
// It drives apt-get and apt-cache with a private configuration: own lists, own
// status, own cache. The mirror is the one that the machine's own apt sources
// name. apt verifies the signatures and hashes; every file is hashed again here
// each time it is handed out. What a request resolved to is remembered, so a
// warm cache works offline. It needs no privileges.
package debian

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Request says what to fetch.
type Request struct {
	// Suite is a suite or a code name: "bookworm", "trixie", "sid".
	Suite string
	// Base is the suite that Suite is an addition to, as bookworm-backports is to
	// bookworm, or empty. What Suite does not have comes from there.
	Base string
	// Arch is the Debian architecture whose packages are meant: "amd64",
	// "ppc64el". Packages for all architectures are found under any of them.
	Arch string
	// Packages are names, each optionally with an exact version: "name=1.2-3".
	// Dependencies on an exact version are followed, which is how a meta
	// package names the packages of the same build; other dependencies are not.
	Packages []string
	// Closure follows all dependencies, down to the C library: what it takes to
	// run the packages' programs on any machine.
	Closure bool
	// MaxAge is how old a remembered answer may be before the mirror is asked
	// again; zero is any age, negative asks each time. When the mirror cannot
	// be reached the remembered answer is used whatever its age, and the
	// progress says so.
	MaxAge time.Duration
}

// NotFoundError says that a suite has no package of that name and version.
type NotFoundError struct {
	// Suite and Package repeat the request; Version is empty when any would do.
	Suite, Package, Version string
	// Have is the version that the suite has instead, empty if none.
	Have string
}

func (e *NotFoundError) Error() string {
	switch {
	case e.Version == "" || e.Have == "":
		return fmt.Sprintf("debian: %s has no package %s", e.Suite, e.Package)
	default:
		return fmt.Sprintf("debian: %s has no %s %s any more, it has %s", e.Suite, e.Package, e.Version, e.Have)
	}
}

// plain matches what may go into an apt configuration or a file name unquoted.
var plain = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.+:~=_-]*$`)

func (r Request) validate() error {
	words := append([]string{r.Suite, r.Arch}, r.Packages...)
	if r.Base != "" {
		words = append(words, r.Base)
	}
	for _, w := range words {
		if !plain.MatchString(w) {
			return fmt.Errorf("debian: %q cannot be a suite, an architecture or a package", w)
		}
	}
	if len(r.Packages) == 0 {
		return errors.New("debian: the request names no package")
	}
	return nil
}

func (r Request) String() string {
	return fmt.Sprintf("%s (%s, %s)", strings.Join(r.Packages, " "), r.Suite, r.Arch)
}
