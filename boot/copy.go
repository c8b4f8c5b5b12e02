package boot

import (
	"fmt"
	"io"
)

// copyChunk bounds the host memory a copy uses, whatever an image declares.
const copyChunk = 256 << 10

// Copy writes exactly n bytes of r to guest memory at gpa. A source that ends
// early is ErrTruncated; io.ErrUnexpectedEOF is behind it.
func Copy(m Memory, gpa uint64, r io.Reader, n uint64) error {
	return CopyBuffer(m, gpa, r, n, make([]byte, min(n, copyChunk)))
}

// CopyBuffer is Copy with the caller's buffer, which must not be empty unless n is 0.
func CopyBuffer(m Memory, gpa uint64, r io.Reader, n uint64, buf []byte) error {
	for done := uint64(0); done < n; {
		p := buf[:min(uint64(len(buf)), n-done)]
		got, err := io.ReadFull(r, p)
		if err != nil {
			return readError(err, done+uint64(got), n)
		}
		if err := Write(m, gpa+done, p); err != nil {
			return err
		}
		done += uint64(got)
	}
	return nil
}

func readError(err error, got, want uint64) error {
	// Compared, not unwrapped: a decoder's error may have an EOF behind it.
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return &FormatError{Kind: ErrTruncated, Err: io.ErrUnexpectedEOF,
			What: fmt.Sprintf("the image ends after %d of %d bytes", got, want), Remedy: "fetch or build it again"}
	}
	return err
}

// Write writes p to guest memory at gpa.
func Write(m Memory, gpa uint64, p []byte) error {
	if _, err := m.WriteAt(p, int64(gpa)); err != nil {
		return fmt.Errorf("write %d bytes of guest memory at %#x: %w", len(p), gpa, err)
	}
	return nil
}

// Zero clears n bytes of guest memory at gpa.
func Zero(m Memory, gpa, n uint64) error {
	return Copy(m, gpa, zeros{}, n)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// Load copies a whole image to guest memory at gpa.
func Load(m Memory, gpa uint64, img Image) error {
	size := uint64(img.Size())
	return Copy(m, gpa, io.NewSectionReader(img, 0, int64(size)), size)
}
