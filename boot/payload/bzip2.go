package payload

import (
	"compress/bzip2"
	"errors"
	"io"
)

// bzip2Reader ends with the stream where the library wants another stream or
// the end of the input: the kernel's build puts a length behind it.
type bzip2Reader struct{ r io.Reader }

func newBzip2(src io.Reader) io.Reader { return bzip2Reader{bzip2.NewReader(src)} }

// noContinuation is the library's error for bytes behind a stream that do not
// begin another one. It comes after the stream's checksum was compared.
const noContinuation = bzip2.StructuralError("bad magic value in continuation file")

func (b bzip2Reader) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if errors.Is(err, noContinuation) {
		err = io.EOF
	}
	return n, err
}
