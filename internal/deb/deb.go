// Package deb reads the files of a Debian package: an ar archive, in which data.tar,
// compressed or not, has them (deb(5)).
package deb

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// magic begins an ar archive.
const magic = "!<arch>\n"

// headerSize is that of an entry's header: its name in 16 bytes, 32 about its owner,
// its size in 10, and two that end it.
const headerSize = 60

// ErrFormat is wrapped by what is no package.
var ErrFormat = errors.New("no Debian package")

// Is reports whether a file begins as a package does.
func Is(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	b := make([]byte, len(magic))
	if n, err := io.ReadFull(f, b); err != nil {
		if n < len(b) && (err == io.EOF || err == io.ErrUnexpectedEOF) {
			err = nil // too small to be one
		}
		return false, err
	}
	return string(b) == magic, nil
}

// Files calls visit for every file of a package, which r contains, in their order.
// visit may leave what it does not want unread.
func Files(r io.Reader, visit func(h *tar.Header, content io.Reader) error) error {
	data, ext, err := findData(r)
	if err != nil {
		return err
	}
	plain, closeReader, err := uncompress(data, ext)
	if err != nil {
		return fmt.Errorf("data.tar%s: %w", ext, err)
	}
	defer closeReader()
	for t := tar.NewReader(plain); ; {
		h, err := t.Next()
		if err == io.EOF {
			// What the compression has to say about the whole comes last.
			if _, err = io.Copy(io.Discard, plain); err == nil {
				return nil
			}
		}
		if err != nil {
			return fmt.Errorf("data.tar%s: %w", ext, err)
		}
		if err := visit(h, t); err != nil {
			return err
		}
	}
}

// findData goes to the archive's entry with the files, and returns it and the end of
// its name.
func findData(r io.Reader) (data io.Reader, ext string, err error) {
	begin := make([]byte, len(magic))
	if _, err := io.ReadFull(r, begin); err != nil || string(begin) != magic {
		return nil, "", fmt.Errorf("%w: it does not begin as an ar archive does", ErrFormat)
	}
	for {
		name, size, err := nextEntry(r)
		if err == io.EOF {
			return nil, "", fmt.Errorf("%w: an ar archive without data.tar", ErrFormat)
		}
		if err != nil {
			return nil, "", err
		}
		if ext, ok := strings.CutPrefix(name, "data.tar"); ok {
			return io.LimitReader(r, size), ext, nil
		}
		// Contents are filled up to an even size.
		if _, err := io.CopyN(io.Discard, r, size+size%2); err != nil {
			return nil, "", fmt.Errorf("%w: its entry %q ends early: %w", ErrFormat, name, err)
		}
	}
}

// nextEntry reads a header.
func nextEntry(r io.Reader) (name string, size int64, err error) {
	var h [headerSize]byte
	if _, err := io.ReadFull(r, h[:]); err == io.EOF {
		return "", 0, io.EOF
	} else if err != nil {
		return "", 0, fmt.Errorf("%w: a header of its archive: %w", ErrFormat, err)
	}
	text := string(bytes.TrimRight(h[48:58], " "))
	number, err := strconv.ParseUint(text, 10, 40)
	if err != nil || string(h[58:]) != "`\n" {
		return "", 0, fmt.Errorf("%w: a header of its archive is not one", ErrFormat)
	}
	return strings.TrimSuffix(string(bytes.TrimRight(h[:16], " ")), "/"), int64(number), nil
}

// uncompress unpacks by the end of the name.
func uncompress(r io.Reader, ext string) (plain io.Reader, closeReader func(), err error) {
	nothing := func() {}
	switch ext {
	case "":
		return r, nothing, nil
	case ".gz":
		plain, err = gzip.NewReader(r)
		return plain, nothing, err
	case ".xz":
		plain, err = xz.NewReader(r)
		return plain, nothing, err
	case ".zst":
		d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, nothing, err
		}
		return d, d.Close, nil
	}
	return nil, nothing, fmt.Errorf("compressed in a way that is not known here: want .gz, .xz, .zst or none")
}
