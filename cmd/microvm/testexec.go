package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"linuxkvm/cmd/microvm/internal/console"
	"linuxkvm/cmd/microvm/internal/size"
	"linuxkvm/confine"
	"linuxkvm/linux"
	"linuxkvm/machine"
)

// testMemory is what a guest for tests has, as far as it uses it.
const testMemory = size.Bytes(1 << 30)

// testVariables are flags of test-exec that variables set: for those who cannot write
// them into -exec.
var testVariables = []string{"kernel", "modules", "cpus", "memory"}

func testVariable(flag string) string { return "MICROVM_TEST_" + strings.ToUpper(flag) }

func newTestExec(s streams) *cobra.Command {
	f := runFlags{cpus: cpuCount(min(runtime.NumCPU(), 4)), memory: testMemory, cmdline: defaultCmdline}
	cmd := &cobra.Command{
		Use:   "test-exec [flags] BINARY [ARGUMENT...]",
		Short: "Run a Go test binary as root in a guest, for go test -exec",
		Long: "test-exec runs a test binary as root in a guest made for it, on this host's kernel or on\n" +
			"another. The guest has this host's files, as they are, so that the test is where it would\n" +
			"be without the guest, and finds its libraries, its testdata and other programs. What it\n" +
			"writes stays in the guest's memory and is gone with it, except the files that go test\n" +
			"asks for: profiles (-coverprofile, -cpuprofile and the others, in -outputdir), traces,\n" +
			"coverage data ($GOCOVERDIR, -test.gocoverdir), and what fuzzing finds. It has no network\n" +
			"but its own loopback.\n" +
			"\n" +
			"Arguments, environment, input, output and exit status are the test's; 125 is microvm's\n" +
			"own failure. Signals are passed on: at its end, 'go test -timeout' shows the goroutines in\n" +
			"the guest. Instead of flags in -exec there are the variables MICROVM_TEST_KERNEL,\n" +
			"MICROVM_TEST_MODULES, MICROVM_TEST_CPUS and MICROVM_TEST_MEMORY.\n" +
			"\n" +
			"test-exec has to be a static program (CGO_ENABLED=0) itself, as it is the first one in the\n" +
			"guest; the test binary may be any, also one built with -race. The kernel needs virtiofs\n" +
			"and overlayfs, as modules or built in.",
		Example: "  go test -exec 'microvm test-exec' ./...\n" +
			"  go test -race -cover -exec 'microvm test-exec --kernel linux-image-6.1.0-50-amd64.deb' ./...\n" +
			"  MICROVM_TEST_CPUS=1 go test -exec 'microvm test-exec' .",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("no test binary: go test -exec 'microvm test-exec' names it")
			}
			return nil
		},
		PreRunE: func(cmd *cobra.Command, _ []string) error { return setFromVariables(cmd) },
		RunE: func(_ *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
			if err := f.unpackKernel(s.err); err != nil {
				return notRun(err)
			}
			return testExec(&f, args, s)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.SetInterspersed(false) // what follows the binary is its own
	flags.StringVar(&f.kernel, "kernel", "", "kernel to boot, the `FILE` of its image or of a Debian package")
	flags.StringVar(&f.modules, "modules", "", "the kernel's modules, where they are not found by themselves, a `DIRECTORY` or the file of a Debian package")
	flags.Var(&f.cpus, "cpus", fmt.Sprintf("number of vCPUs, 1 to %d; this host's, up to 4, if it is not given", machine.MaxCPUs))
	cmd.Flag("cpus").DefValue = "" // it is another one on another host
	flags.Var(&f.memory, "memory", "size of guest memory, such as 512M or 1G")
	f.confine.register(cmd, flags)
	return cmd
}

// setFromVariables sets flags that are not on the command line.
func setFromVariables(cmd *cobra.Command) error {
	for _, name := range testVariables {
		variable := testVariable(name)
		value := os.Getenv(variable)
		if value == "" || cmd.Flags().Changed(name) {
			continue
		}
		if err := cmd.Flag(name).Value.Set(value); err != nil {
			return fmt.Errorf("%s=%s: %w", variable, value, err)
		}
	}
	return nil
}

// testRun is one run of a test binary.
type testRun struct {
	binary, dir string
	args        []string
	env         []string
	outputs     []output
}

// newTestRun finds out where everything is.
func newTestRun(args []string) (*testRun, error) {
	binary, err := filepath.Abs(args[0])
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(binary); err != nil {
		return nil, fmt.Errorf("test binary: %w", err)
	}
	dir, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	r := &testRun{binary: binary, dir: dir, args: args[1:], env: os.Environ()}
	r.outputs = findOutputs(dir, r.args, os.Getenv("GOCOVERDIR"))
	return r, nil
}

// testExec runs a test binary and ends with its status.
func testExec(f *runFlags, args []string, s streams) error {
	run, err := newTestRun(args)
	if err != nil {
		return notRun(err)
	}
	ctx, stop := context.WithCancelCause(context.Background())
	defer stop(nil)
	undo := onSignal(stop, func() {})
	vm, err := f.startTestGuest(ctx, run, s.err)
	undo()
	if err != nil {
		return stopped(ctx, notRun(f.explain(err)))
	}
	defer vm.Close()
	cmd := vm.Command(ctx, run.binary, run.args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = run.dir, run.env, s.out, s.err
	if !console.IsTerminal(s.in) {
		cmd.Stdin = s.in
	}
	err = runForwarding(cmd, stop)
	if errors.Is(err, linux.ErrGone) {
		_, err = lostGuest(vm)
		return stopped(ctx, notRun(err))
	}
	if fetchErr := run.fetch(ctx, vm); fetchErr != nil {
		fmt.Fprintf(s.err, "microvm: %v\n", fetchErr)
		if err == nil {
			err = ended(statusNotRun)
		}
	}
	shutdown(vm)
	var own *failure
	if errors.As(err, &own) {
		return stopped(ctx, own)
	}
	return stopped(ctx, commandStatus(err))
}

// startTestGuest starts a guest that has this host's files.
func (f *runFlags) startTestGuest(ctx context.Context, run *testRun, w io.Writer) (*linux.VM, error) {
	kernel, err := f.guestKernel()
	if err != nil {
		return nil, err
	}
	return linux.Start(ctx, linux.Config{
		Kernel: kernel, CPUs: int(f.cpus), Memory: uint64(f.memory),
		Root:  linux.HostRoot(),
		Ready: func() error { return f.confineTest(run, w) },
	})
}

// confineTest leaves to this process the files that the guest sees, and the outputs.
func (f *runFlags) confineTest(run *testRun, w io.Writer) error {
	if f.confine.mode == confineOff {
		return nil
	}
	c := confine.Config{ReadOnly: []string{"/"}, Require: f.confine.mode == confineRequire}
	for _, o := range run.outputs {
		if isDirectory(o.hostDir()) {
			c.ReadWrite = append(c.ReadWrite, o.hostDir())
		}
	}
	means, err := confine.Process(c)
	if err == nil {
		f.confine.say(w, "confined by no_new_privs"+describeMeans(means))
	}
	return err
}

// fetch brings what the test has written for the host. A test that has failed may have
// written less.
func (r *testRun) fetch(ctx context.Context, vm *linux.VM) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var errs []error
	for _, o := range r.outputs {
		if err := o.fetch(ctx, vm); err != nil {
			errs = append(errs, fmt.Errorf("%s of the test: %w", o.path, err))
		}
	}
	return errors.Join(errs...)
}
