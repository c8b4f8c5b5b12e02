package rig

import (
	"io"
	"strings"
	"testing"
)

func TestVerdict(t *testing.T) {
	for line, want := range map[string]Reason{
		"[    5.1] Kernel panic - not syncing: sysrq triggered crash":                KernelPanic,
		"[    1.2] BUG: kernel NULL pointer dereference, address: 0000000000000010":  KernelOops,
		"[    1.2] BUG: unable to handle page fault for address: ffffc900":           KernelOops,
		"Unable to handle kernel paging request at virtual address dead":             KernelOops,
		"[    1.2] general protection fault, probably for non-canonical address":     KernelOops,
		"[    1.2] Internal error: Oops: 0000000096000004 [#1] SMP":                  KernelOops,
		"[    3.0] kernel BUG at mm/slub.c:305!":                                     KernelOops,
		"rig-init: fatal: no virtio-serial port":                                     BootFailed,
		"[    9.0] traps: prog[12] general protection fault ip:401000 sp:7ffc":       0,
		"[    9.0] reboot: Power down":                                               0,
		"[    4.0] watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [kvm.test:101]": 0,
		"the test says panic: runtime error":                                         0,
	} {
		if got := verdict(line); got != want {
			t.Errorf("%s: %v, want %v", line, got, want)
		}
	}
}

func TestConsole(t *testing.T) {
	var live strings.Builder
	verdicts := 0
	c := newConsole(&live, func() { verdicts++ })
	const text = "fine\r\nBUG: kernel NULL pointer dereference, address: 10\r\nKernel panic - not syncing: Fatal exception\r\n"
	for _, b := range []byte(text) {
		if n, err := c.Write([]byte{b}); n != 1 || err != nil {
			t.Fatal(n, err)
		}
	}
	reason, line := c.verdict()
	if reason != KernelOops || line != "BUG: kernel NULL pointer dereference, address: 10" || verdicts != 1 {
		t.Errorf("%v %q, %d verdicts", reason, line, verdicts)
	}
	if live.String() != text || c.end.String() != text {
		t.Errorf("live %q, end %q", live.String(), c.end.String())
	}
}

// TestConsoleLongLine: a guest may print without end.
func TestConsoleLongLine(t *testing.T) {
	c := newConsole(io.Discard, func() {})
	for range 1000 {
		if _, err := c.Write(make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
	}
	if len(c.line) > 4096 || len(c.end.buf) > 64<<10+1000 {
		t.Errorf("line %d, end %d bytes", len(c.line), len(c.end.buf))
	}
}

func TestTrouble(t *testing.T) {
	for line, want := range map[string]bool{
		"[ 5.1] WARNING: CPU: 1 PID: 99 at arch/x86/kvm/x86.c:1000": true,
		"[ 5.1] rcu: INFO: rcu_preempt detected stalls on CPUs":     true,
		"[ 5.1] kvm: Nested Virtualization enabled":                 false,
	} {
		if isTrouble(line) != want {
			t.Errorf("%s: %v", line, !want)
		}
	}
}

func TestTail(t *testing.T) {
	end := newTail(4)
	for _, s := range []string{"", "ab", "cd", "e", strings.Repeat("x", 20), "yz"} {
		if _, err := io.WriteString(end, s); err != nil {
			t.Fatal(err)
		}
	}
	if end.String() != "xxyz" {
		t.Errorf("%q", end.String())
	}
}

func TestLanes(t *testing.T) {
	seen := map[string]bool{}
	for _, l := range Lanes() {
		if seen[l.Name] {
			t.Errorf("two lanes %s", l.Name)
		}
		seen[l.Name] = true
		if got, err := LaneByName(l.Name); err != nil || got.Name != l.Name {
			t.Errorf("%s: %v", l.Name, err)
		}
	}
	if _, err := LaneByName("nonesuch"); err == nil || !strings.Contains(err.Error(), "amd64-6.1") {
		t.Errorf("error of an unknown lane: %v", err)
	}
}
