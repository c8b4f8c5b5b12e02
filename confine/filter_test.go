package confine

import (
	"encoding/binary"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// data is struct seccomp_data.
type data struct {
	nr, arch uint32
	args     [6]uint64
}

// run gives the data to the program, as the kernel does. x/net's machine reads what is
// big-endian, so each word is.
func run(t testing.TB, vm *bpf.VM, d data) action {
	t.Helper()
	b := make([]byte, 64)
	binary.BigEndian.PutUint32(b[offsetCall:], d.nr)
	binary.BigEndian.PutUint32(b[offsetArch:], d.arch)
	for i, v := range d.args {
		binary.BigEndian.PutUint32(b[offsetArgs+8*i:], uint32(v))
		binary.BigEndian.PutUint32(b[offsetArgs+8*i+4:], uint32(v>>32))
	}
	got, err := vm.Run(b)
	if err != nil {
		t.Fatal(err)
	}
	return action(got)
}

// want is what the policy says in so many words.
func (p *policy) want(d data) action {
	switch {
	case d.arch != p.arch:
		return kill
	case p.kill != 0 && d.nr >= p.kill && d.nr != 1<<32-1:
		return kill
	case d.nr > p.last, slices.Contains(p.absent, d.nr):
		return absent
	}
	for _, r := range p.rules[d.nr] {
		if !slices.ContainsFunc(r, func(t test) bool { return d.args[t.arg]&t.mask != t.want }) {
			return allow
		}
	}
	return refuse
}

// configs have each part of a policy on and off.
func configs() map[string]*policy {
	dir := []place{{".", os.ModeDir, true}}
	return map[string]*policy{
		"nothing":    new(Config).policy(nil),
		"everything": (&Config{Network: Listening, Calls: []uint32{unix.SYS_MLOCK}}).policy(dir),
		"outgoing":   (&Config{Network: Outgoing}).policy([]place{{"x", 0, false}}),
	}
}

func machineOf(t testing.TB, p *policy) *bpf.VM {
	t.Helper()
	program := p.program()
	if len(program) > 4096 {
		t.Fatalf("%d instructions, the kernel takes 4096", len(program))
	}
	if _, err := bpf.Assemble(program); err != nil {
		t.Fatal(err)
	}
	vm, err := bpf.NewVM(program)
	if err != nil {
		t.Fatal(err)
	}
	return vm
}

// TestFilterIsThePolicy asks the program about every number, with arguments at and
// beside those that rules name.
func TestFilterIsThePolicy(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for name, p := range configs() {
		t.Run(name, func(t *testing.T) {
			vm := machineOf(t, p)
			numbers := []uint32{1 << 30, 1<<30 - 1, 1<<30 + 1, 1 << 31, 1<<32 - 1, 1<<32 - 2}
			for nr := range p.last + 300 {
				numbers = append(numbers, nr)
			}
			counts := map[action]int{}
			for _, nr := range numbers {
				for range 20 {
					d := data{nr: nr, arch: p.arch, args: arguments(p.rules[nr], random)}
					got, want := run(t, vm, d), p.want(d)
					if got != want {
						t.Fatalf("%+v: the program says %#x, the policy %#x", d, got, want)
					}
					counts[got]++
					d.arch ^= 1
					if got := run(t, vm, d); got != kill {
						t.Fatalf("%+v: the program says %#x of another architecture", d, got)
					}
				}
			}
			for _, a := range []action{allow, refuse, absent} {
				if counts[a] == 0 {
					t.Errorf("no call has the outcome %#x", a)
				}
			}
		})
	}
}

// arguments make a rule hold, and then often one bit is turned over.
func arguments(rules []rule, random *rand.Rand) (args [6]uint64) {
	for i := range args {
		args[i] = random.Uint64()
	}
	if len(rules) == 0 {
		return args
	}
	for _, t := range rules[random.IntN(len(rules))] {
		args[t.arg] = args[t.arg]&^t.mask | t.want
	}
	if random.IntN(2) == 0 {
		args[random.IntN(3)] ^= 1 << random.IntN(64)
	}
	return args
}

// TestNothingAndEverything pins what a Config changes.
func TestNothingAndEverything(t *testing.T) {
	nothing, everything := machineOf(t, configs()["nothing"]), machineOf(t, configs()["everything"])
	for _, c := range []struct {
		name       string
		nr         uint32
		args       [6]uint64
		none, full action
	}{
		{"KVM_RUN", unix.SYS_IOCTL, [6]uint64{3, 0xae80}, allow, allow},
		{"KVM_SET_USER_MEMORY_REGION", unix.SYS_IOCTL, [6]uint64{3, 0x4020ae46}, allow, allow},
		{"vhost", unix.SYS_IOCTL, [6]uint64{3, 0xaf01}, refuse, refuse},
		{"openat", unix.SYS_OPENAT, [6]uint64{}, refuse, allow},
		{"unlinkat", unix.SYS_UNLINKAT, [6]uint64{}, refuse, allow},
		{"a socket", unix.SYS_SOCKET, [6]uint64{unix.AF_INET6, unix.SOCK_STREAM | unix.SOCK_CLOEXEC | unix.SOCK_NONBLOCK}, refuse, allow},
		{"a number from Calls", unix.SYS_MLOCK, [6]uint64{}, refuse, allow},
		{"execve", unix.SYS_EXECVE, [6]uint64{}, refuse, refuse},
		{"a thread of Go's", unix.SYS_CLONE, [6]uint64{0x50f00}, allow, allow},
		{"a process", unix.SYS_CLONE, [6]uint64{uint64(unix.SIGCHLD)}, refuse, refuse},
		{"a signal to another", unix.SYS_TGKILL, [6]uint64{1}, refuse, refuse},
	} {
		d := data{nr: c.nr, arch: auditArch, args: c.args}
		if got := run(t, nothing, d); got != c.none {
			t.Errorf("%s with nothing: %#x, want %#x", c.name, got, c.none)
		}
		if got := run(t, everything, d); got != c.full {
			t.Errorf("%s with everything: %#x, want %#x", c.name, got, c.full)
		}
	}
}

// FuzzFilter: whatever is asked, the program says what the policy does.
func FuzzFilter(f *testing.F) {
	f.Add(uint32(unix.SYS_IOCTL), uint64(3), uint64(0xae80), uint64(0), true)
	f.Add(uint32(unix.SYS_CLONE), uint64(0x50f00), uint64(0), uint64(0), false)
	f.Add(uint32(unix.SYS_SOCKET), uint64(unix.AF_INET), uint64(unix.SOCK_STREAM), uint64(0), true)
	list, machines := configs(), map[string]*bpf.VM{}
	for name, p := range list {
		machines[name] = machineOf(f, p)
	}
	f.Fuzz(func(t *testing.T, nr uint32, a, b, c uint64, everything bool) {
		name := "nothing"
		if everything {
			name = "everything"
		}
		p := list[name]
		d := data{nr: nr, arch: p.arch, args: [6]uint64{a, b, c}}
		if got, want := run(t, machines[name], d), p.want(d); got != want {
			t.Errorf("%+v: the program says %#x, the policy %#x", d, got, want)
		}
	})
}
