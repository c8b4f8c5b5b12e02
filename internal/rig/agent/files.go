package agent

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"linuxkvm/internal/rig/wire"
)

// sendFiles sends the regular files at and below each path. A path that does not
// exist is left out: a job that failed early has written nothing.
func sendFiles(conn *wire.Conn, paths []string) error {
	var errs []error
	for _, path := range paths {
		err := filepath.WalkDir(path, func(name string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			return sendFile(conn, name)
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func sendFile(conn *wire.Conn, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := conn.SendMessage(wire.File, wire.FileMessage{Name: name, Size: info.Size()}); err != nil {
		return err
	}
	n, err := io.CopyBuffer(onlyWriter{conn.Writer(wire.FileData)}, io.LimitReader(f, info.Size()), make([]byte, 256<<10))
	if err != nil {
		return err
	}
	if n != info.Size() {
		return fmt.Errorf("%s shrank from %d to %d bytes while it was read", name, info.Size(), n)
	}
	return nil
}

// onlyWriter keeps io.CopyBuffer from looking for a ReadFrom.
type onlyWriter struct{ io.Writer }
