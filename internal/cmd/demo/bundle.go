package main

import (
	"context"
	"errors"
	"os"
	"os/exec"

	"linuxkvm/internal/rig"
)

// bundle is what is needed to boot the guest, by path on this machine.
type bundle struct {
	command string // the microvm command
	kernel  string
	initrd  string
}

func (b bundle) args(command, kernel, initrd string) []string {
	return []string{command, "run", "--kernel", kernel, "--initrd", initrd, "--cpus", "2", "--memory", "512M", "--cmdline", cmdline}
}

// runHere boots the guest on this machine's own KVM.
func (b bundle) runHere(ctx context.Context) (status int, err error) {
	args := b.args(b.command, b.kernel, b.initrd)
	say("booting")
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode(), nil
	}
	return 0, err
}

// runInRig boots the guest on the KVM of a lane.
func (b bundle) runInRig(ctx context.Context, lane rig.Lane) (status int, err error) {
	const command, kernel, initrd = "/bin/microvm", "/boot/vmlinuz", "/boot/initrd"
	session, err := rig.Boot(ctx, rig.Options{
		Lane: lane,
		Files: []rig.File{
			{Guest: command, Host: b.command},
			{Guest: kernel, Host: b.kernel},
			{Guest: initrd, Host: b.initrd},
		},
	})
	if err != nil {
		return 0, err
	}
	defer session.Close()
	say("the rig is up; booting")
	result, err := session.Run(ctx, rig.Job{
		Args: b.args(command, kernel, initrd), Stdout: os.Stdout, Stderr: os.Stderr,
	})
	if err != nil {
		return 0, err
	}
	return result.ExitCode, nil
}
