package initramfs

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// A program that the guest could not run is refused, with the remedy.
func TestProgramMustBeStatic(t *testing.T) {
	dynamic, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("needs a dynamically linked program: a shell")
	}
	for program, words := range map[string]string{
		dynamic:          "CGO_ENABLED=0",
		"/etc/hostname":  "no program",
		"/no/such/thing": "no such file",
	} {
		a := Archive{Program: program}
		f, err := a.Build()
		if err == nil {
			_ = f.Close()
		}
		if err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v, want %q", program, err, words)
		}
	}
}

// What of a program's file is not loaded does not go to the guest.
func TestOnlyWhatIsLoaded(t *testing.T) {
	const text, debug = "what it runs", "what a debugger reads"
	archive := func(segments ...elf.ProgType) (string, error) {
		a := Archive{Program: filepath.Join(t.TempDir(), "program")}
		if err := os.WriteFile(a.Program, program(text, debug, segments...), 0o700); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		err := a.Write(&out)
		return out.String(), err
	}
	got, err := archive(elf.PT_NOTE, elf.PT_LOAD)
	if err != nil || !strings.Contains(got, text) || strings.Contains(got, debug) {
		t.Errorf("archive %q, %v: want %q and not %q", got, err, text, debug)
	}
	if _, err := archive(elf.PT_NOTE); err == nil || !strings.Contains(err.Error(), "loaded") {
		t.Errorf("a file of which nothing is loaded: %v, want an error that says so", err)
	}
}

// program is an ELF file whose segments hold text; debug follows them.
func program(text, debug string, segments ...elf.ProgType) []byte {
	const headerSize, segmentSize = 64, 56
	h := elf.Header64{
		Type: uint16(elf.ET_EXEC), Machine: uint16(machines[runtime.GOARCH]), Version: uint32(elf.EV_CURRENT),
		Ehsize: headerSize, Phoff: headerSize, Phentsize: segmentSize, Phnum: uint16(len(segments)),
	}
	copy(h.Ident[:], elf.ELFMAG)
	h.Ident[elf.EI_CLASS], h.Ident[elf.EI_DATA], h.Ident[elf.EI_VERSION] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)
	var b bytes.Buffer
	_ = binary.Write(&b, binary.LittleEndian, h)
	for _, kind := range segments {
		_ = binary.Write(&b, binary.LittleEndian, elf.Prog64{
			Type: uint32(kind), Off: uint64(headerSize + segmentSize*len(segments)), Filesz: uint64(len(text)), Memsz: uint64(len(text)),
		})
	}
	return append(b.Bytes(), text+debug...)
}
