package server

import (
	"archive/tar"
	"bufio"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"

	"linuxkvm/internal/agent/wire"
)

// pack sends a file, or a directory with all below it, as a tar archive. The
// connection's first message says whether there is one; an error later ends the
// archive early, which its reader notices.
func (s *Server) pack(conn net.Conn, path string) {
	defer conn.Close()
	root := filepath.Join(s.Root, "/", path)
	info, err := os.Lstat(root)
	if err := errors.Join(err, wire.Send(conn, reply(err))); err != nil {
		return
	}
	w := bufio.NewWriterSize(conn, 64<<10)
	t := tar.NewWriter(w)
	if err := packAll(t, root, info); err != nil {
		return
	}
	if t.Close() == nil {
		_ = w.Flush() // a host that is gone does not want the rest
	}
}

func packAll(t *tar.Writer, root string, info fs.FileInfo) error {
	if !info.IsDir() {
		return packOne(t, root, filepath.Base(root), info)
	}
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil // gone in the meantime
		}
		if err != nil {
			return err
		}
		return packOne(t, path, name, info)
	})
}

func packOne(t *tar.Writer, path, name string, info fs.FileInfo) error {
	link := ""
	if info.Mode()&fs.ModeSymlink != 0 {
		var err error
		if link, err = os.Readlink(path); err != nil {
			return err
		}
	}
	if info.Mode()&fs.ModeSocket != 0 {
		return nil // tar has none
	}
	h, err := tar.FileInfoHeader(info, link)
	if err != nil {
		return err
	}
	h.Name = name
	if info.IsDir() {
		h.Name += "/"
	}
	if err := t.WriteHeader(h); err != nil || !info.Mode().IsRegular() {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.CopyN(t, f, h.Size)
	return err
}

// unpack writes an archive below a directory, which it makes, and says how it went.
func (s *Server) unpack(conn net.Conn, path string) {
	err := unpackAll(tar.NewReader(conn), filepath.Join(s.Root, "/", path))
	if err == nil {
		// What follows the end of the archive: unread, it would cost the answer.
		_, err = io.Copy(io.Discard, conn)
	}
	s.finish(conn, err)
}

func unpackAll(t *tar.Reader, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for {
		h, err := t.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := unpackOne(root, t, h); err != nil {
			return err
		}
	}
}

func unpackOne(root *os.Root, t io.Reader, h *tar.Header) error {
	mode := h.FileInfo().Mode()
	name := filepath.Clean(h.Name)
	if dir := filepath.Dir(name); dir != "." {
		if err := root.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	switch h.Typeflag {
	case tar.TypeDir:
		return root.MkdirAll(name, mode.Perm())
	case tar.TypeSymlink:
		if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return root.Symlink(h.Linkname, name)
	case tar.TypeReg:
		return unpackFile(root, t, name, mode)
	default:
		return &os.PathError{Op: "unpack", Path: h.Name, Err: syscall.ENOTSUP}
	}
}

func unpackFile(root *os.Root, t io.Reader, name string, mode fs.FileMode) error {
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode.Perm())
	if err != nil {
		return err
	}
	_, err = io.Copy(f, t)
	return errors.Join(err, f.Chmod(mode.Perm()), f.Close())
}
