package debian

import (
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// MirrorEnv names the environment variable that overrides the mirror, for
// machines whose own apt sources name none of Debian's.
const MirrorEnv = "LINUXKVM_DEBIAN_MIRROR"

// mirror is where a machine gets Debian from and the keys it trusts for that.
type mirror struct{ uri, keyring string }

// source is one entry of the apt sources.
type source struct {
	uris, suites, components []string
	signedBy                 string
}

// findMirror takes the mirror from the machine's own apt sources.
func findMirror() (mirror, error) {
	sources := readSources(os.DirFS("/etc/apt"))
	uri := os.Getenv(MirrorEnv)
	if uri == "" {
		uri = pickMirror(sources)
	}
	if uri == "" {
		return mirror{}, fmt.Errorf("debian: the apt sources of this machine name no mirror of Debian: set %s to the URL of one", MirrorEnv)
	}
	keyring, err := findKeyring(sources)
	return mirror{uri, keyring}, err
}

// findKeyring returns a file with Debian's keys.
func findKeyring(sources []source) (string, error) {
	candidates := []string{
		"/usr/share/keyrings/debian-archive-keyring.gpg",
		"/usr/share/keyrings/debian-archive-keyring.pgp",
	}
	for _, s := range sources {
		if s.isDebian() && filepath.IsAbs(s.signedBy) {
			candidates = append(candidates, s.signedBy)
		}
	}
	for _, c := range candidates {
		if _, err := os.Stat(c); err == nil {
			return c, nil
		}
	}
	return "", fmt.Errorf("debian: no key ring to verify packages with: install Debian's package debian-archive-keyring")
}

// pickMirror returns the first mirror of Debian's main archive; the archive of
// security updates has other suites.
func pickMirror(sources []source) string {
	for _, s := range sources {
		if !s.isDebian() {
			continue
		}
		for _, uri := range s.uris {
			if !strings.HasSuffix(strings.TrimRight(uri, "/"), "debian-security") {
				return uri
			}
		}
	}
	return ""
}

var debianSuites = []string{
	"bullseye", "bookworm", "trixie", "forky", "duke", "sid",
	"oldoldstable", "oldstable", "stable", "testing", "unstable",
}

// isDebian tells Debian's own archive from third parties that use its suite
// names: by its keys or by the last part of its path.
func (s source) isDebian() bool {
	if !slices.Contains(s.components, "main") {
		return false
	}
	if !slices.ContainsFunc(s.suites, func(suite string) bool { return slices.Contains(debianSuites, suite) }) {
		return false
	}
	if strings.Contains(s.signedBy, "debian-archive") {
		return true
	}
	return slices.ContainsFunc(s.uris, func(uri string) bool {
		u, err := url.Parse(uri)
		return err == nil && path.Base(u.Path) == "debian"
	})
}

// readSources reads sources.list and sources.list.d of an apt directory.
func readSources(dir fs.FS) []source {
	var found []source
	if text, err := fs.ReadFile(dir, "sources.list"); err == nil {
		found = append(found, parseList(string(text))...)
	}
	entries, _ := fs.ReadDir(dir, "sources.list.d")
	for _, e := range entries {
		text, err := fs.ReadFile(dir, path.Join("sources.list.d", e.Name()))
		if err != nil {
			continue
		}
		switch path.Ext(e.Name()) {
		case ".list":
			found = append(found, parseList(string(text))...)
		case ".sources":
			found = append(found, parseDeb822(string(text))...)
		}
	}
	return found
}

// parseList reads the one-line format: deb [option=value ...] uri suite component ...
func parseList(text string) []source {
	var found []source
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		rest, ok := strings.CutPrefix(strings.TrimSpace(line), "deb ")
		if !ok {
			continue
		}
		rest = strings.TrimSpace(rest)
		var s source
		if options, after, ok := strings.Cut(rest, "]"); ok && strings.HasPrefix(rest, "[") {
			for o := range strings.FieldsSeq(options[1:]) {
				if value, ok := strings.CutPrefix(o, "signed-by="); ok {
					s.signedBy = value
				}
			}
			rest = after
		}
		words := strings.Fields(rest)
		if len(words) < 3 {
			continue
		}
		s.uris, s.suites, s.components = words[:1], words[1:2], words[2:]
		found = append(found, s)
	}
	return found
}

// parseDeb822 reads the stanza format.
func parseDeb822(text string) []source {
	var found []source
	for stanza := range strings.SplitSeq(dropComments(text), "\n\n") {
		fields := parseControl(strings.TrimLeft(stanza, "\n") + "\n")
		if !slices.Contains(strings.Fields(fields["Types"]), "deb") || strings.EqualFold(fields["Enabled"], "no") {
			continue
		}
		found = append(found, source{
			uris:       strings.Fields(fields["URIs"]),
			suites:     strings.Fields(fields["Suites"]),
			components: strings.Fields(fields["Components"]),
			signedBy:   fields["Signed-By"],
		})
	}
	return found
}

func dropComments(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "#") {
			b.WriteString(line)
		}
	}
	return b.String()
}
