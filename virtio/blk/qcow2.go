package blk

import (
	"cmp"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/klauspost/compress/zstd"
	"github.com/lima-vm/go-qcow2reader/image/qcow2"
	"github.com/lima-vm/go-qcow2reader/log"
)

// QCOW2 is a Disk that is a qcow2 image, read-only: put an Overlay on it to write.
type QCOW2 struct {
	file  *os.File
	image *qcow2.Qcow2
}

var _ Disk = (*QCOW2)(nil)

// prepare tells the reader, whose settings are those of the process, how to
// decompress, and to keep its warnings to itself: what is wrong with an image is an
// error of ours.
var prepare = sync.OnceFunc(func() {
	log.SetWarnFunc(nil)
	qcow2.SetDecompressor(qcow2.CompressionTypeZlib, func(r io.Reader) (io.ReadCloser, error) {
		return cluster{flate.NewReader(r)}, nil
	})
	qcow2.SetDecompressor(qcow2.CompressionTypeZstd, func(r io.Reader) (io.ReadCloser, error) {
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxCluster))
		if err != nil {
			return nil, err
		}
		return cluster{z.IOReadCloser()}, nil
	})
})

// cluster reads a compressed cluster. The last bytes come without an error, which
// the reader of images would give on.
type cluster struct{ io.ReadCloser }

func (c cluster) Read(p []byte) (int, error) {
	n, err := io.ReadFull(c.ReadCloser, p)
	if n > 0 && (err == io.EOF || err == io.ErrUnexpectedEOF) {
		err = nil
	}
	return n, err
}

// OpenQCOW2 opens an image and locks it as OpenRaw does for reading. Images that
// are encrypted, that keep their data in another file, or that refer to a backing
// file, which could be any file of the host, are refused.
func OpenQCOW2(path string) (*QCOW2, error) {
	f, err := openLocked(path, true)
	if err != nil {
		return nil, fmt.Errorf("virtio/blk: qcow2 image: %w", err)
	}
	image, err := openImage(f)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("virtio/blk: qcow2 image %s: %w", path, err), f.Close())
	}
	return &QCOW2{f, image}, nil
}

func openImage(f *os.File) (img *qcow2.Qcow2, err error) {
	prepare()
	defer caught(&err)
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if err := checkHeader(f, info.Size()); err != nil {
		return nil, err
	}
	// The reader gets no name, by which it would look for other files.
	img, err = qcow2.Open(struct{ io.ReaderAt }{f}, nil)
	if err != nil {
		return nil, err
	}
	return img, img.Readable()
}

// caught turns a panic of the reader, which is not ours and reads what others wrote,
// into an error: a bad image is no reason for the process to end.
func caught(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("broken image: %v", r)
	}
}

// Close closes the image.
func (q *QCOW2) Close() error { return q.file.Close() }

// Size implements Disk.
func (q *QCOW2) Size() int64 { return q.image.Size() }

// ReadAt implements Disk. The reader of images would read on after the end.
func (q *QCOW2) ReadAt(p []byte, off int64) (n int, err error) {
	defer caught(&err)
	size := q.Size()
	if off < 0 {
		return 0, fmt.Errorf("virtio/blk: qcow2 image: offset %d", off)
	}
	if off >= size {
		return 0, io.EOF
	}
	inside := p[:min(int64(len(p)), size-off)]
	if n, err = q.image.ReadAt(inside, off); n < len(inside) {
		return n, cmp.Or(err, io.ErrUnexpectedEOF)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// WriteAt implements Disk: it cannot.
func (q *QCOW2) WriteAt([]byte, int64) (int, error) { return 0, ErrReadOnly }

// Flush implements Disk: there is nothing to do.
func (q *QCOW2) Flush() error { return nil }

// Bounds of an image. QEMU makes none beyond the first and the last.
const (
	minClusterBits = 9
	maxClusterBits = 21
	maxCluster     = 1 << maxClusterBits
	maxImageSize   = 1 << 50
	maxL1Entries   = 4 << 20
)

// checkHeader refuses what the reader would allocate without bound for, or would
// follow.
func checkHeader(r io.ReaderAt, fileSize int64) error {
	var h [72]byte
	if err := readFull(r, h[:], 0); err != nil {
		return fmt.Errorf("header: %w", err)
	}
	be := binary.BigEndian
	version, clusterBits := be.Uint32(h[4:]), be.Uint32(h[20:])
	size, l1Size, l1Offset := be.Uint64(h[24:]), be.Uint32(h[36:]), be.Uint64(h[40:])
	switch {
	case string(h[:4]) != qcow2.Magic:
		return errors.New("not in qcow2 format")
	case version != 2 && version != 3:
		return fmt.Errorf("version %d: want 2 or 3", version)
	case be.Uint64(h[8:]) != 0:
		return errors.New("it has a backing file: make it one image with qemu-img convert")
	case clusterBits < minClusterBits || clusterBits > maxClusterBits:
		return fmt.Errorf("clusters of 2^%d bytes: want 2^%d to 2^%d", clusterBits, minClusterBits, maxClusterBits)
	case size > maxImageSize:
		return fmt.Errorf("%d bytes: want at most %d", size, uint64(maxImageSize))
	case l1Size > maxL1Entries:
		return fmt.Errorf("a table of %d entries: want at most %d", l1Size, maxL1Entries)
	case l1Offset > uint64(fileSize) || uint64(l1Size)*8 > uint64(fileSize)-l1Offset:
		return fmt.Errorf("a table of %d entries at %#x: beyond the end of the file", l1Size, l1Offset)
	}
	return checkExtended(r, version)
}

// checkExtended looks at the rest of the header, which version 3 has.
func checkExtended(r io.ReaderAt, version uint32) error {
	if version < 3 {
		return nil
	}
	var h [32]byte
	if err := readFull(r, h[:], 72); err != nil {
		return fmt.Errorf("header: %w", err)
	}
	const corrupt, length = 1 << 1, 104
	if binary.BigEndian.Uint64(h[:])&corrupt != 0 {
		return errors.New("it is marked as corrupt: see qemu-img check")
	}
	if n := binary.BigEndian.Uint32(h[28:]); n < length || n > 1<<minClusterBits {
		return fmt.Errorf("a header of %d bytes: want %d to %d", n, length, 1<<minClusterBits)
	}
	return nil
}
