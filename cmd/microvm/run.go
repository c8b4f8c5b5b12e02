package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"linuxkvm/cmd/microvm/internal/size"
	"linuxkvm/machine"
)

// defaultCmdline puts the kernel's console on the serial port, makes a panic end
// the machine, and keeps the kernel from looking for what is not there.
const defaultCmdline = "console=" + machine.ConsoleName + " panic=-1"

// runFlags are the flags of microvm run.
type runFlags struct {
	kernel, initrd, cmdline string
	modules                 string
	cpus                    cpuCount
	memory                  size.Bytes

	command commandFlags
	network networkFlags
	confine confineFlags
	named   nameFlags

	detach     bool
	background *background // nil in the foreground
}

func newRun(s streams) *cobra.Command {
	f := runFlags{cpus: machine.DefaultCPUs, memory: machine.DefaultMemory}
	cmd := &cobra.Command{
		Use:   "run [flags] [-- COMMAND [ARGUMENT...]]",
		Short: "Run a command in a guest, or boot a kernel with its console on this terminal",
		Long: "With a command, run makes a guest for the command, and ends with\n" +
			"the command's exit status: 127 if there is no such command, 126 if it cannot be\n" +
			"run, 125 if microvm itself failed, 128 and the number of the signal that ended it:\n" +
			"137, by SIGKILL, also when the guest was switched off first, as 'microvm stop' does.\n" +
			"The kernel is this host's, unless --kernel names another one: an image, whose modules\n" +
			"are looked for beside it and on this host, or a Debian package, which has both.\n" +
			"The root is that of --image or of --root, and otherwise this host's own tree: the\n" +
			"guest reads every file that this user can read. What a guest changes in its root is\n" +
			"kept in its memory and gone with it, but for a --root that ends in :rw.\n" +
			"\n" +
			"Otherwise run boots a Linux kernel, such as Debian's vmlinuz, in a virtual machine: on amd64 a\n" +
			"bzImage or an ELF vmlinux, on arm64 and riscv64 an Image, compressed or not. The\n" +
			"guest's first serial port, " + machine.ConsoleName + ", is standard input and\n" +
			"output. On a terminal every key goes to the guest, except that Ctrl-A x leaves\n" +
			"the guest, and Ctrl-A Ctrl-A sends one Ctrl-A. In a pipe nothing is interpreted,\n" +
			"and the end of the input does not end the guest.\n" +
			"\n" +
			"SIGINT, SIGTERM and SIGHUP stop the machine at once, as pulling the plug does.\n" +
			"\n" +
			"With --detach the machine goes on in the background, in a session of its own. run then\n" +
			"ends with status 0 once the command has been started, or the kernel, and prints the id by\n" +
			"which ps, exec, logs, stop and wait know the machine. Until then errors, signals and exit\n" +
			"statuses are as without it. 'microvm logs' prints the output.\n" +
			"\n" +
			"The exit status tells how it ended:\n\n" + statusTable(),
		Example: "  microvm run -- uname -a\n" +
			"  microvm run --image debian -- uname -a\n" +
			"  microvm run --volume ./src:/src:ro --volume ./out:/out --image golang -w /src -- go build -o /out .\n" +
			"  microvm run -it --image image.tar -- sh\n" +
			"  microvm run -d --name web -p 8080:80 --image nginx\n" +
			"  microvm run --kernel linux-image-6.1.0-50-amd64.deb --image debian -- uname -r\n" +
			"  microvm run --kernel vmlinuz --initrd initrd.img\n" +
			"  microvm run --kernel vmlinuz --cpus 4 --memory 2G --cmdline 'console=" + machine.ConsoleName + " quiet'",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := errors.Join(f.check(), f.checkDetach(), f.chooseRoot(args, cmd.ArgsLenAtDash() == 0)); err != nil {
				return err
			}
			if err := f.checkCommandFlags(cmd.Flags()); err != nil {
				return err
			}
			if f.detach {
				var err error
				if f.background, err = inBackground(); err != nil {
					return err
				}
				if f.background == nil {
					return f.startDetached(s)
				}
			}
			if err := f.unpackKernel(s.err); err != nil {
				return f.failed(err)
			}
			if f.hasCommand() {
				return runCommand(&f, args, s)
			}
			if f.kernel == "" {
				return errors.New("no kernel and no command: name one with --kernel, such as --kernel /boot/vmlinuz-$(uname -r), or an image with --image")
			}
			return run(&f, s)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.kernel, "kernel", "", "kernel to boot, the `FILE` of its image or of a Debian package")
	flags.StringVar(&f.initrd, "initrd", "", "initial RAM disk, a `FILE`")
	flags.StringVar(&f.cmdline, "cmdline", defaultCmdline, "kernel command line, a `TEXT` instead of the default")
	flags.Var(&f.cpus, "cpus", fmt.Sprintf("number of vCPUs, 1 to %d", machine.MaxCPUs))
	flags.Var(&f.memory, "memory", "size of guest memory, such as 512M or 1G")
	flags.StringVar(&f.command.image, "image", "", "root of the command: a container `IMAGE` in a registry, or the file of one")
	flags.StringVar(&f.command.root, "root", "", "root of the command instead of an image: host, this one's own tree, or a `DIRECTORY[:rw]`")
	f.command.register(flags)
	flags.BoolVarP(&f.detach, "detach", "d", false, "go on in the background, and print the machine's id once the command has been started")
	flags.StringArrayVarP(&f.command.volumes, "volume", "v", nil, "a directory to share, as `HOST:GUEST[:ro]`")
	flags.StringArrayVar(&f.command.disks, "disk", nil, "a further disk, a `FILE[:ro][:private][:/DIRECTORY]`")
	flags.StringVar(&f.modules, "modules", "", "the kernel's modules, where they are not found by themselves, a `DIRECTORY` or the file of a Debian package")
	flags.StringVar(&f.named.name, "name", "", "`NAME` for ps, exec, logs, stop and wait")
	f.network.register(cmd, flags)
	f.confine.register(cmd, flags)
	for _, name := range []string{"kernel", "initrd", "image", "disk", "modules", "volume"} {
		// No extensions: any file may be one. The flags exist.
		_ = cmd.MarkFlagFilename(name)
	}
	_ = cmd.MarkFlagDirname("root")
	for _, name := range []string{"cmdline", "cpus", "memory", "name"} {
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions)
	}
	return cmd
}

// cpuCount is the value of --cpus.
type cpuCount int

func (n *cpuCount) String() string { return fmt.Sprint(int(*n)) }

// Type names the kind of value in a help text.
func (*cpuCount) Type() string { return "number" }

// Set refuses what no machine can have, before anything is started.
func (n *cpuCount) Set(s string) error {
	v, err := parseCPUs(s)
	if err != nil {
		return err
	}
	*n = cpuCount(v)
	return nil
}
