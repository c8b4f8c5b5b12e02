package payload

import (
	"bytes"
	"errors"
	"io"
	"math/bits"

	"github.com/klauspost/compress/zstd"
)

// zstdReader turns the decoder's Close into an io.Closer, and the bytes behind
// the stream, where the kernel's build puts a length, into its end.
type zstdReader struct{ d *zstd.Decoder }

func (z zstdReader) Read(p []byte) (int, error) {
	n, err := z.d.Read(p)
	if errors.Is(err, zstd.ErrMagicMismatch) {
		err = io.EOF // newZstd saw the magic number of the first frame
	}
	return n, err
}

func (z zstdReader) Close() error {
	z.d.Close()
	return nil
}

const (
	// kernelWindow is the window that the kernel's build declares, whatever the
	// size of the data: zstd's ultra levels.
	kernelWindow = 128 << 20
	// minWindowLog keeps a cut window as large as the largest block.
	minWindowLog = 17
	// maxWindow is more than the zstd tool itself makes (2 GiB).
	maxWindow = 4 << 30
	// zstdHead is the magic number, the frame's flags and its window.
	zstdHead          = 6
	zstdSingleSegment = 1 << 5 // of the flags: no window is declared
)

// newZstd decodes a stream of at most limit bytes. The window of the first frame
// is cut to what can be used, because the decoder allocates it. The decoder's
// limit on memory is one on the declared window too, so it is not smaller than
// the one a kernel declares.
func newZstd(src io.Reader, limit int64) (io.Reader, error) {
	head := make([]byte, zstdHead)
	if _, err := io.ReadFull(src, head); err != nil {
		return nil, unexpected(err)
	}
	if Identify(head) != Zstd {
		return nil, zstd.ErrMagicMismatch
	}
	most := min(max(uint64(1)<<windowLog(limit), kernelWindow), maxWindow)
	if head[4]&zstdSingleSegment == 0 {
		head[5] = cutWindow(head[5], limit)
	}
	d, err := zstd.NewReader(io.MultiReader(bytes.NewReader(head), src), zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(most), zstd.WithDecoderMaxMemory(most))
	if err != nil {
		return nil, err
	}
	return zstdReader{d}, nil
}

// windowLog returns the logarithm of a window that holds limit bytes.
func windowLog(limit int64) int {
	return min(max(bits.Len64(uint64(limit)), minWindowLog), 62)
}

// cutWindow returns the window descriptor for what is used of the declared window
// when the stream yields at most limit bytes: matches cannot reach further back.
// Its upper five bits are the logarithm less 10, its lower ones a mantissa.
func cutWindow(declared byte, limit int64) byte {
	log := windowLog(limit)
	if log-10 >= int(declared>>3) {
		return declared
	}
	return byte(log-10) << 3
}
