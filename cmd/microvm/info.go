package main

import (
	"encoding/json"

	"github.com/spf13/cobra"

	"linuxkvm/cmd/microvm/internal/host"
	"linuxkvm/kvm"
)

func newInfo(s streams) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "info",
		Short: "Tell what this host's KVM offers",
		Long: "info tells what this host's KVM offers: the module in use, the limits of a VM, the\n" +
			"processor a guest can have, every capability by name, and, measured with tiny\n" +
			"guests, what an exit costs and how fast guest kernel and user mode run. It also tells\n" +
			"by what means the kernel lets 'microvm run' confine its process.\n" +
			"\n" +
			"Some hosts emulate guest kernel mode. Linux cannot be used there, and info says so.",
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			info, err := collect()
			if asJSON {
				return writeJSON(s, info, err)
			}
			if err != nil {
				return failed(err)
			}
			return written(info.Text(s.out))
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "write JSON, for programs; an error is an object with the field \"error\"")
	return cmd
}

func collect() (*host.Info, error) {
	sys, err := kvm.Open()
	if err != nil {
		return nil, err
	}
	defer sys.Close()
	return host.Collect(sys)
}

// writeJSON writes the information, or else the error, as one JSON object. The
// error is not said a second time.
func writeJSON(s streams, info *host.Info, err error) error {
	out := json.NewEncoder(s.out)
	out.SetIndent("", "  ")
	if err != nil {
		if writeErr := out.Encode(map[string]string{"error": sentence(err)}); writeErr != nil {
			return failed(writeErr)
		}
		return ended(statusFailed)
	}
	return written(out.Encode(info))
}

// written passes the error of writing the output on.
func written(err error) error {
	if err != nil {
		return failed(err)
	}
	return nil
}
