//go:build arm64 || riscv64

package probe

// complete has KVM finish the write that the guest came out with. KVM moves the
// program counter on only then, wherever that points to.
func (g *guest) complete() error {
	if err := g.cpu.Kick(); err != nil {
		return err
	}
	_, err := g.cpu.Run()
	return err
}
