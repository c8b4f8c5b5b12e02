package confine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"

	"linuxkvm/internal/tinykernel"
	"linuxkvm/kvm"
	"linuxkvm/machine"
)

func init() {
	children["guest"] = guestChild
	children["new guests"] = newGuestsChild
	children["running guest"] = runningGuestChild
	children["no kvm"] = noKVMChild
}

func needKVM(t *testing.T) {
	t.Helper()
	need(t)
	sys, err := kvm.Open()
	switch {
	case err == nil:
		sys.Close()
	case os.Getenv("KVM_TEST_REQUIRE") == "1":
		t.Fatalf("KVM_TEST_REQUIRE=1, but this test needs a usable KVM: %v", err)
	default:
		t.Skipf("needs a usable KVM (%v); make test-lanes runs this in the rig", err)
	}
}

func TestGuestsRunConfined(t *testing.T) {
	needKVM(t)
	for _, what := range []string{"guest", "running guest", "new guests", "no kvm"} {
		t.Run(what, func(t *testing.T) { works(t, what, newScene(t)) })
	}
}

// guest is a machine with a kernel that says a greeting, and echoes what it is told.
type guest struct {
	machine *machine.Machine
	said    bytes.Buffer
}

const told = "hello"

func newGuest() (*guest, error) {
	g := new(guest)
	var err error
	g.machine, err = machine.New(machine.Config{
		Kernel: bytes.NewReader(tinykernel.Image()), Memory: 8 << 20, CPUs: 2,
		ConsoleIn: strings.NewReader(told + tinykernel.PowerOff), ConsoleOut: &g.said,
	})
	return g, err
}

func (g *guest) run() error {
	result, err := g.machine.Run(context.Background())
	if err != nil || result.Ending != machine.PowerOff {
		return fmt.Errorf("ended with %v, %w", result.Ending, err)
	}
	if got := g.said.String(); got != tinykernel.Greeting+told {
		return fmt.Errorf("it said %q", got)
	}
	return g.machine.Close()
}

// guestChild runs guests that are made before, and nothing is left but the runtime.
func guestChild(scene) error {
	var list []*guest
	for range 3 {
		g, err := newGuest()
		if err != nil {
			return err
		}
		list = append(list, g)
	}
	if _, err := Process(Config{Require: true}); err != nil {
		return err
	}
	errs := make([]error, len(list)+1)
	var wg sync.WaitGroup
	for i, g := range list {
		wg.Go(func() { errs[i] = g.run() })
	}
	wg.Go(func() { errs[len(list)] = pressure(100) })
	wg.Wait()
	return errors.Join(errs...)
}

// runningGuestChild confines itself with vCPUs in the guest: their threads too.
func runningGuestChild(scene) error {
	in, typing := io.Pipe()
	m, err := machine.New(machine.Config{
		Kernel: bytes.NewReader(tinykernel.Image()), Memory: 8 << 20, CPUs: 2,
		ConsoleIn: in, ConsoleOut: writerFunc(func(p []byte) (int, error) {
			if bytes.Contains(p, []byte{told[0]}) {
				close(answered)
			}
			return len(p), nil
		}),
	})
	if err != nil {
		return err
	}
	defer m.Close()
	if err := m.Start(context.Background()); err != nil {
		return err
	}
	if _, err := typing.Write([]byte{told[0]}); err != nil {
		return err
	}
	<-answered
	if _, err := Process(Config{Require: true}); err != nil {
		return err
	}
	if _, err := typing.Write([]byte(tinykernel.PowerOff)); err != nil {
		return err
	}
	result, err := m.Wait()
	if err == nil && result.Ending != machine.PowerOff {
		err = fmt.Errorf("ended with %v", result.Ending)
	}
	return err
}

var answered = make(chan bool)

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// newGuestsChild makes guests afterwards.
func newGuestsChild(scene) error {
	if _, err := Process(Config{ReadWrite: []string{"/dev/kvm"}, Require: true}); err != nil {
		return err
	}
	for range 2 {
		g, err := newGuest()
		if err != nil {
			return err
		}
		if err := g.run(); err != nil {
			return err
		}
	}
	return nil
}

// noKVMChild shows that new guests are owed to /dev/kvm in the list.
func noKVMChild(s scene) error {
	if _, err := Process(s.config()); err != nil {
		return err
	}
	if _, err := newGuest(); !errors.Is(err, os.ErrPermission) {
		return fmt.Errorf("a new guest, want that it is not permitted: %w", err)
	}
	return nil
}
