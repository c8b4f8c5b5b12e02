package debian

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
)

// Extract unpacks the files of a package into dir, which it creates if needed.
// It needs dpkg-deb, which every Debian machine has.
func Extract(deb, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("debian: %w", err)
	}
	_, err := dpkgDeb("-x", deb, dir)
	return err
}

// Info is the identity of a package file.
type Info struct{ Package, Version, Arch string }

// Inspect reads the identity of a package file. It needs dpkg-deb.
func Inspect(deb string) (Info, error) {
	out, err := dpkgDeb("-f", deb, "Package", "Version", "Architecture")
	if err != nil {
		return Info{}, err
	}
	fields := parseControl(out)
	return Info{fields["Package"], fields["Version"], fields["Architecture"]}, nil
}

func dpkgDeb(args ...string) (string, error) {
	path, err := exec.LookPath("dpkg-deb")
	if err != nil {
		return "", fmt.Errorf("debian: dpkg-deb is needed to read packages: it comes with Debian's package dpkg: %w", err)
	}
	cmd := exec.Command(path, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("debian: dpkg-deb %s %s: %w: %s", args[0], args[1], err, lastLines(stderr.String(), 3))
	}
	return stdout.String(), nil
}
