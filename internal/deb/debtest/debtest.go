// Package debtest makes Debian packages for tests.
package debtest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// Make returns a package with files, its data.tar compressed by the end of its name:
// what tests hand in.
func Make(ext string, files map[string][]byte) ([]byte, error) {
	var data bytes.Buffer
	out, err := compress(&data, ext)
	if err != nil {
		return nil, err
	}
	t := tar.NewWriter(out)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		h := &tar.Header{Name: "./" + name, Mode: 0o644, Size: int64(len(files[name])), Typeflag: tar.TypeReg}
		if err := t.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := t.Write(files[name]); err != nil {
			return nil, err
		}
	}
	if err := t.Close(); err != nil {
		return nil, err
	}
	if err := out.Close(); err != nil {
		return nil, err
	}
	b := append([]byte("!<arch>\n"), entry("debian-binary", []byte("2.0\n"))...)
	b = append(b, entry("control.tar", []byte("odd"))...)
	return append(b, entry("data.tar"+ext, data.Bytes())...), nil
}

func entry(name string, content []byte) []byte {
	b := fmt.Appendf(nil, "%-16s%-12d%-6d%-6d%-8o%-10d`\n", name, 0, 0, 0, 0o100644, len(content))
	b = append(b, content...)
	if len(content)%2 == 1 {
		b = append(b, '\n')
	}
	return b
}

type plainWriter struct{ io.Writer }

func (plainWriter) Close() error { return nil }

func compress(w io.Writer, ext string) (io.WriteCloser, error) {
	switch ext {
	case ".gz":
		return gzip.NewWriter(w), nil
	case ".xz":
		return xz.NewWriter(w)
	case ".zst":
		return zstd.NewWriter(w)
	}
	return plainWriter{w}, nil
}
