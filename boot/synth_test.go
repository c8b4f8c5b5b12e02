package boot

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"testing"
)

var le = binary.LittleEndian

// page returns a page with strings put at offsets.
func page(parts map[int]string) []byte {
	b := make([]byte, 4096)
	for off, s := range parts {
		copy(b[off:], s)
	}
	return b
}

func bzHead(version uint16, xloadflags byte) []byte {
	b := page(map[int]string{0: "MZ", 0x1fe: "\x55\xaa", 0x202: "HdrS"})
	le.PutUint16(b[0x206:], version)
	b[0x236] = xloadflags
	return b
}

func elfHead(class, order byte, machine uint16) []byte {
	b := page(map[int]string{0: "\x7fELF"})
	b[4], b[5] = class, order
	if order == 2 {
		binary.BigEndian.PutUint16(b[18:], machine)
	} else {
		le.PutUint16(b[18:], machine)
	}
	return b
}

func efiHead(machine uint16) []byte {
	b := page(map[int]string{0: "MZ", 0x80: "PE\x00\x00"})
	le.PutUint32(b[0x3c:], 0x80)
	le.PutUint16(b[0x84:], machine)
	return b
}

func zbootHead(machine uint16, compression string) []byte {
	b := efiHead(machine)
	copy(b[4:], "zimg")
	copy(b[0x18:], compression+"\x00")
	return b
}

func gzipped(t testing.TB, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
