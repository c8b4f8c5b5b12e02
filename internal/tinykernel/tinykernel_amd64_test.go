package tinykernel

import (
	"bytes"
	"debug/elf"
	"testing"
)

func TestImageIsAnELFFile(t *testing.T) {
	f, err := elf.NewFile(bytes.NewReader(Image()))
	if err != nil {
		t.Fatal(err)
	}
	if f.Machine != elf.EM_X86_64 || len(f.Progs) != 2 {
		t.Fatalf("%v with %d segments", f.Machine, len(f.Progs))
	}
	load := make([]byte, f.Progs[0].Filesz)
	if _, err := f.Progs[0].ReadAt(load, 0); err != nil {
		t.Fatal(err)
	}
	if string(load[greeting:]) != Greeting+"\x00" || !bytes.HasPrefix(load, code) {
		t.Errorf("segment %q", load)
	}
	if len(code) != 0x51 {
		t.Errorf("the code has %#x bytes; its jumps are for 51", len(code))
	}
}
