package blk_test

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"linuxkvm/virtio/blk"
)

// An image of five clusters: one as it is, one of zeros, one that is not there, one
// compressed, and a part of one.
const (
	clusterBits = 12
	cluster     = 1 << clusterBits
	imageSize   = 4*cluster + 1024
)

// imageParts are what the header of an image says.
type imageParts struct {
	version, clusterBits, l1Size uint32
	size, l1Offset, backing      uint64
	incompatible                 uint64
	compression                  uint8
}

func goodImage() imageParts {
	return imageParts{version: 3, clusterBits: clusterBits, l1Size: 1, size: imageSize, l1Offset: cluster}
}

func (p imageParts) header() []byte {
	be := binary.BigEndian
	h := make([]byte, cluster)
	copy(h, "QFI\xfb")
	be.PutUint32(h[4:], p.version)
	be.PutUint64(h[8:], p.backing)
	be.PutUint32(h[20:], p.clusterBits)
	be.PutUint64(h[24:], p.size)
	be.PutUint32(h[36:], p.l1Size)
	be.PutUint64(h[40:], p.l1Offset)
	be.PutUint64(h[72:], p.incompatible)
	be.PutUint32(h[96:], 4)
	be.PutUint32(h[100:], 112)
	h[104] = p.compression
	return h
}

// encode makes the image: header, first table, second table, two clusters of data,
// and one compressed.
func (p imageParts) encode(packed []byte) []byte {
	be := binary.BigEndian
	const own = 1 << 63
	l1, l2 := make([]byte, cluster), make([]byte, cluster)
	be.PutUint64(l1, own|2*cluster)
	be.PutUint64(l2[0:], own|3*cluster)
	be.PutUint64(l2[8:], 1) // zeros
	sectors := uint64(len(packed)-1) / 512
	be.PutUint64(l2[24:], 1<<62|sectors<<(62-(clusterBits-8))|5*cluster)
	be.PutUint64(l2[32:], own|4*cluster)
	image := bytes.Join([][]byte{p.header(), l1, l2, pattern(cluster, 1), pattern(cluster, 2), packed}, nil)
	return append(image, make([]byte, 512)...)
}

func imageContent() []byte {
	want := bytes.Join([][]byte{pattern(cluster, 1), make([]byte, 2*cluster), pattern(cluster, 3), pattern(cluster, 2)}, nil)
	return want[:imageSize]
}

func deflated(t testing.TB, p []byte) []byte {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, 9)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(p); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func openQCOW2(t testing.TB, image []byte) *blk.QCOW2 {
	t.Helper()
	q, err := blk.OpenQCOW2(newFile(t, image))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { q.Close() })
	return q
}

func TestQCOW2(t *testing.T) {
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	old, withZstd := goodImage(), goodImage()
	old.version = 2
	withZstd.incompatible, withZstd.compression = 1<<3, 1
	for name, image := range map[string][]byte{
		"version 3": goodImage().encode(deflated(t, pattern(cluster, 3))),
		"version 2": old.encode(deflated(t, pattern(cluster, 3))),
		"zstd":      withZstd.encode(z.EncodeAll(pattern(cluster, 3), nil)),
	} {
		t.Run(name, func(t *testing.T) {
			q := openQCOW2(t, image)
			wantBytes(t, q, imageContent())
			d := newDriver(t, blk.Config{Disk: q, ReadOnly: true}, 0)
			got, s := request(d, typeIn, 6, nil, imageSize-6*512)
			wantStatus(t, "read", s, ok)
			if !bytes.Equal(got, imageContent()[6*512:]) {
				t.Error("the device reads something else")
			}
			o := newOverlay(t, q, t.TempDir())
			want := imageContent()
			copy(want[3000:], "over two clusters")
			copy(want[cluster-4:], "over two clusters")
			for _, off := range []int64{3000, cluster - 4} {
				if _, err := o.WriteAt([]byte("over two clusters"), off); err != nil {
					t.Fatal(err)
				}
			}
			wantBytes(t, o, want)
		})
	}
}

func TestQCOW2Refusals(t *testing.T) {
	for want, change := range map[string]func(*imageParts){
		"version 4":         func(p *imageParts) { p.version = 4 },
		"version 1":         func(p *imageParts) { p.version = 1 },
		"a backing file":    func(p *imageParts) { p.backing = 104 },
		"clusters of 2^8":   func(p *imageParts) { p.clusterBits = 8 },
		"clusters of 2^63":  func(p *imageParts) { p.clusterBits = 63 },
		"at most 4194304":   func(p *imageParts) { p.l1Size = 1 << 31 },
		"beyond the end":    func(p *imageParts) { p.l1Size = 4 << 20 },
		"at 0xffffffffffff": func(p *imageParts) { p.l1Offset = ^uint64(0) },
		"at most 112589990": func(p *imageParts) { p.size = 1 << 63 },
		"corrupt":           func(p *imageParts) { p.incompatible = 1 << 1 },
		"external data":     func(p *imageParts) { p.incompatible = 1 << 2 },
		"feature bit 40":    func(p *imageParts) { p.incompatible = 1 << 40 },
		"table size: 0":     func(p *imageParts) { p.l1Size = 0 },
	} {
		p := goodImage()
		change(&p)
		if q, err := blk.OpenQCOW2(newFile(t, p.encode([]byte{0}))); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v", want, q, err)
		}
	}
	for want, data := range map[string][]byte{"not in qcow2": make([]byte, 4096), "header: unexpected EOF": nil, "header:": goodImage().header()[:60]} {
		if _, err := blk.OpenQCOW2(newFile(t, data)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// Tables that lead out of the image are errors of the reads that need them.
func TestQCOW2Broken(t *testing.T) {
	image := goodImage().encode([]byte("this is not deflated"))
	binary.BigEndian.PutUint64(image[2*cluster:], 1<<63|1<<50)
	var told errorList
	d := newDriver(t, blk.Config{Disk: openQCOW2(t, image), ReadOnly: true, OnError: told.add}, 0)
	for sector, want := range map[uint64]byte{0: ioErr, 8: ok, 16: ok, 24: ioErr, 32: ok} {
		_, s := request(d, typeIn, sector, nil, 512)
		wantStatus(t, "read", s, want)
	}
	if len(told.list) != 2 {
		t.Errorf("told %v", told.list)
	}
	q := openQCOW2(t, image)
	if _, err := q.WriteAt([]byte("x"), 0); !errors.Is(err, blk.ErrReadOnly) {
		t.Errorf("WriteAt: %v", err)
	}
	if err := q.Flush(); err != nil {
		t.Errorf("Flush: %v", err)
	}
}

// FuzzQCOW2 changes words of a good image, opens it and reads all of it.
func FuzzQCOW2(f *testing.F) {
	good := goodImage().encode(deflated(f, pattern(cluster, 3)))
	word := func(off uint16, v uint64) []byte {
		return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint16(nil, off), v)
	}
	f.Add([]byte{}, uint16(0))
	f.Add(word(72, 1<<4), uint16(0))                                      // extended tables
	f.Add(word(2*cluster+8, 1<<63|4*cluster), uint16(2*cluster))          // another cluster, and a short file
	f.Add(append(word(104, 1<<56), word(72, 1<<3)...), uint16(5*cluster)) // zstd that is none
	f.Fuzz(func(t *testing.T, changes []byte, size uint16) {
		image := bytes.Clone(good)
		for ; len(changes) >= 10; changes = changes[10:] {
			copy(image[int(binary.BigEndian.Uint16(changes))%len(image):], changes[2:10])
		}
		if size != 0 {
			image = image[:int(size)%len(image)]
		}
		q, err := blk.OpenQCOW2(newFile(t, image))
		if err != nil {
			return
		}
		defer q.Close()
		p := make([]byte, 64<<10)
		for off := int64(0); off < min(q.Size(), 1<<20); off += int64(len(p)) {
			if n, err := q.ReadAt(p, off); err == nil && n < len(p) {
				t.Errorf("ReadAt(%d) = %d without an error", off, n)
			}
		}
		for _, off := range []int64{q.Size() - 1, q.Size(), 1 << 62, -1} {
			if n, err := q.ReadAt(p[:1], off); err == nil && n != 1 || err == io.EOF && n > 1 {
				t.Errorf("ReadAt(%d) = %d, %v", off, n, err)
			}
		}
	})
}
