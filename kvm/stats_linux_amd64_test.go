package kvm

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync"
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

func metric(t *testing.T, s *Stats, name string) Metric {
	t.Helper()
	m, ok := s.Metric(name)
	if !ok {
		t.Fatalf("%s has no metric %q", s.ID(), name)
	}
	return m
}

func TestStatsOfAVCPUGrow(t *testing.T) {
	vm, v, _ := newGuest(t, 0xf4, 0xeb, 0xfd) // hlt; jmp to it
	s := statsOf(t, v, vm)
	if !strings.Contains(s.ID(), "vcpu-0") {
		t.Errorf("the id is %q", s.ID())
	}
	exits := metric(t, s, "exits")
	if exits.Type != uapi.StatsTypeCumulative || exits.Unit != uapi.StatsUnitNone || exits.Len != 1 || exits.Scale() != 1 {
		t.Errorf("exits: %+v", exits)
	}
	values := make([]uint64, s.Len())
	must(t, s.Read(values))
	before := exits.Value(values)
	for range 10 {
		runUntil(t, v, uapi.ExitHLT)
	}
	must(t, s.Read(values))
	if grown := exits.Value(values) - before; grown < 10 {
		t.Errorf("10 halts are %d exits", grown)
	}
	wait := metric(t, s, "halt_wait_ns")
	if wait.Unit != uapi.StatsUnitSeconds || wait.Scale() != 1e-9 {
		t.Errorf("halt_wait_ns: %+v", wait)
	}
	hist := metric(t, s, "halt_wait_hist")
	if low, high := hist.Bucket(2); hist.Type != uapi.StatsTypeLogHist || hist.Len < 2 || low != 2 || high != 4 || len(hist.Values(values)) != hist.Len {
		t.Errorf("halt_wait_hist: %+v", hist)
	}
	if n := testing.AllocsPerRun(100, func() { must(t, s.Read(values)) }); n != 0 {
		t.Errorf("Read allocates %v times", n)
	}
}

func TestStatsOfAVM(t *testing.T) {
	vm, v, _ := newGuest(t, writer...)
	s := statsOf(t, vm, vm)
	if s.ID() == "" || strings.Contains(s.ID(), "vcpu") {
		t.Errorf("the id is %q", s.ID())
	}
	runUntil(t, v, uapi.ExitHLT)
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
	count := func() int { return strings.Count(strings.Join(keys(resources()), "\n"), "stats") }
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

func TestStatsWhileTheGuestRunsAndAllClose(t *testing.T) {
	for range scale(t, 50, 5) {
		vm := newTestVM(t)
		r := addMemory(t, vm, 0, 0, 0, 0x10000)
		v := newTestVCPU(t, vm)
		realMode(t, v, r, 0xe6, 0x80, 0xeb, 0xfc) // out 0x80, al; jmp to it
		s := statsOf(t, v, vm)
		exits := metric(t, s, "exits")
		var wg sync.WaitGroup
		wg.Go(func() {
			err := v.Loop(context.Background(), func(Exit) error { return nil })
			if !errors.Is(err, ErrClosed) {
				t.Errorf("Loop = %v", err)
			}
		})
		grew := make(chan struct{}, 3)
		for range 3 {
			wg.Go(func() {
				values := make([]uint64, s.Len())
				last, told := uint64(0), false
				for {
					err := s.Read(values)
					if errors.Is(err, ErrClosed) {
						return
					}
					if n := exits.Value(values); err != nil || n < last {
						t.Errorf("exits went from %d to %d, %v", last, n, err)
						return
					} else if n > last && last != 0 && !told {
						grew <- struct{}{}
						told = true
					} else {
						last = n
					}
				}
			})
		}
		<-grew
		wg.Go(func() { must(t, v.Close()) })
		wg.Go(func() { must(t, vm.Close()) })
		wg.Go(func() { must(t, s.Close()) })
		wg.Wait()
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
