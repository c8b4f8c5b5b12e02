// Command victim is what the rig's own tests run in the guest: it does the thing
// that its first argument names.
package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

func main() {
	acts := map[string]func() error{
		"exit3":     func() error { os.Exit(3); return nil },
		"kvm":       openKVM,
		"echo":      echo,
		"sleep":     func() error { time.Sleep(time.Hour); return nil },
		"kill":      func() error { return syscall.Kill(os.Getpid(), syscall.SIGKILL) },
		"panic":     func() error { return trigger("c") },
		"poweroff":  func() error { return trigger("o") },
		"reboot":    func() error { return trigger("b") },
		"freeze":    func() error { return syscall.Kill(os.Getppid(), syscall.SIGSTOP) },
		"killagent": func() error { return syscall.Kill(os.Getppid(), syscall.SIGKILL) },
		"files":     files,
		"orphan":    orphan,
		"flood":     flood,
		"environ":   environ,
	}
	act := acts[os.Args[1]]
	if act == nil {
		fmt.Fprintln(os.Stderr, "victim: no such act:", os.Args[1])
		os.Exit(2)
	}
	if err := act(); err != nil {
		fmt.Fprintln(os.Stderr, "victim:", err)
		os.Exit(1)
	}
}

func openKVM() error {
	f, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0)
	if err != nil {
		return err
	}
	const getAPIVersion = 0xae00
	version, _, errno := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), getAPIVersion, 0)
	if errno != 0 {
		return errno
	}
	fmt.Println("KVM API version", version)
	return f.Close()
}

// echo answers each line of its input.
func echo() error {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		fmt.Printf("got %q\n", lines.Text())
	}
	return lines.Err()
}

// trigger asks the kernel by SysRq and never returns.
func trigger(key string) error {
	fmt.Println("about to trigger", key)
	if err := os.WriteFile("/proc/sysrq-trigger", []byte(key), 0); err != nil {
		return err
	}
	time.Sleep(time.Hour)
	return nil
}

// files leaves a small file, an empty one and a big one.
func files() error {
	if err := os.MkdirAll("/tmp/out/sub", 0o755); err != nil {
		return err
	}
	big := make([]byte, 8<<20)
	for i := range big {
		big[i] = byte(i * 31 >> 3)
	}
	for name, data := range map[string][]byte{"small": []byte("abc"), "empty": nil, "sub/big": big} {
		if err := os.WriteFile("/tmp/out/"+name, data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// orphan leaves a process that holds the output.
func orphan() error {
	cmd := exec.Command("/proc/self/exe", "sleep")
	cmd.Stdout = os.Stdout
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd.Start()
}

// flood writes 16 MiB.
func flood() error {
	line := make([]byte, 64<<10)
	for i := range line {
		line[i] = 'x'
	}
	line[len(line)-1] = '\n'
	for range 256 {
		if _, err := os.Stdout.Write(line); err != nil {
			return err
		}
	}
	return nil
}

// environ prints what a job may rely on.
func environ() error {
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	b, err := os.ReadFile("data/hello")
	if err != nil {
		return err
	}
	fmt.Printf("%s %s %s %q\n", dir, os.Getenv("HOME"), os.Getenv("EXTRA"), b)
	return nil
}
