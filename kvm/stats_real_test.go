package kvm

import (
	"bytes"
	"runtime"
	"slices"
	"strings"
	"testing"

	"linuxkvm/memory"
	"linuxkvm/uapi"
)

func statsOf(t *testing.T, of interface{ StatsFD() (*Stats, error) }, ask extensions) *Stats {
	t.Helper()
	needCap(t, ask, uapi.CapBinaryStatsFD, "5.14")
	s, err := of.StatsFD()
	must(t, err)
	made.note(t, s.fd)
	t.Cleanup(func() { s.Close() })
	return s
}

func TestStatsOfAVM(t *testing.T) {
	vm := newTestVM(t)
	s := statsOf(t, vm, vm)
	if s.ID() == "" || strings.Contains(s.ID(), "vcpu") {
		t.Errorf("the id is %q", s.ID())
	}
	list := s.Metrics()
	names := map[string]bool{}
	values := make([]uint64, s.Len()+5)
	values[s.Len()] = 99
	must(t, s.Read(values))
	for _, m := range list {
		if m.Name == "" || names[m.Name] || m.Len == 0 || strings.Contains(m.Type.String()+m.Unit.String()+m.Base.String(), "(") {
			t.Errorf("%+v", m)
		}
		names[m.Name] = true
	}
	if values[s.Len()] != 99 {
		t.Error("Read went further than Len")
	}
	if !names["remote_tlb_flush"] {
		t.Errorf("metrics %v, want remote_tlb_flush among them", list)
	}
	list[0].Name = "changed"
	if s.Metrics()[0].Name == "changed" {
		t.Error("Metrics is no copy")
	}
	if _, ok := s.Metric("no such"); ok {
		t.Error("there is a metric that there is not")
	}
}

func TestStatsRefusals(t *testing.T) {
	vm := newTestVM(t)
	v := newTestVCPU(t, vm)
	s := statsOf(t, vm, vm)
	wantError(t, s.Read(nil), ErrInvalid, "Len")
	wantError(t, s.Read(make([]uint64, s.Len()-1)), ErrInvalid)
	values := make([]uint64, s.Len())
	must(t, s.Close())
	must(t, s.Close())
	wantError(t, s.Read(values), ErrClosed)
	// Those of a closed VM or vCPU cannot be read.
	ofVM, ofVCPU := statsOf(t, vm, vm), statsOf(t, v, vm)
	many := make([]uint64, ofVM.Len()+ofVCPU.Len())
	must(t, v.Close())
	wantError(t, ofVCPU.Read(many), ErrClosed)
	_, err := v.StatsFD()
	wantError(t, err, ErrClosed, "KVM_GET_STATS_FD")
	must(t, ofVM.Read(many))
	must(t, vm.Close())
	wantError(t, ofVM.Read(many), ErrClosed)
	_, err = vm.StatsFD()
	wantError(t, err, ErrClosed)
}

// They keep the kernel's VM, and so its memory, until they are closed.
func TestStatsKeepTheMemory(t *testing.T) {
	for _, first := range []string{"stats", "vm"} {
		sys := openSystem(t)
		vm, err := sys.CreateVM()
		must(t, err)
		r, err := memory.New(0x10000)
		must(t, err)
		must(t, vm.SetUserMemoryRegion(0, 0, 0, r))
		s := statsOf(t, vm, vm)
		if first == "stats" {
			must(t, s.Close())
			wantError(t, r.Close(), ErrInUse)
			must(t, vm.Close())
		} else {
			must(t, vm.Close())
			wantError(t, r.Close(), ErrInUse)
			must(t, s.Close())
		}
		must(t, r.Close())
	}
}

// What is forgotten is closed by the collector, and what is kept keeps what it
// reads from.
func TestForgottenStats(t *testing.T) {
	vm := newTestVM(t)
	needCap(t, vm, uapi.CapBinaryStatsFD, "5.14")
	count := func() (n int) {
		for name := range resources() {
			if strings.Contains(name, "stats") {
				n++
			}
		}
		return n
	}
	before := count()
	for range 10 {
		_, err := vm.StatsFD()
		must(t, err)
	}
	eventually(t, "the collector", func() bool {
		runtime.GC()
		return count() <= before
	})
	s := func() *Stats {
		v, err := vm.CreateVCPU(0)
		must(t, err)
		s, err := v.StatsFD()
		must(t, err)
		return s
	}()
	defer s.Close()
	values := make([]uint64, s.Len())
	for range 5 {
		runtime.GC()
		must(t, s.Read(values))
	}
}

// What this host's kernel gives is what the fuzz target starts from, too.
func TestStatsFileOfThisHost(t *testing.T) {
	vm := newTestVM(t)
	s := statsOf(t, vm, vm)
	var file []byte
	buf := make([]byte, 4096)
	for {
		n, err := s.fd.ReadAt(buf, int64(len(file)))
		must(t, err)
		if n == 0 {
			break
		}
		file = append(file, buf[:n]...)
	}
	l, err := readStatsLayout(bytes.NewReader(file))
	must(t, err)
	if want := int(l.dataOffset) + 8*l.words; len(file) != want || !slices.Equal(l.metrics, s.metrics) {
		t.Errorf("the file has %d bytes, its parts end at %d", len(file), want)
	}
}
