package kvm

import (
	"strings"

	"linuxkvm/uapi"
)

// PPCRTASDefineToken has KVM handle the guest's calls of an RTAS service that it
// knows (ENOENT otherwise): "ibm,set-xive", "ibm,get-xive", "ibm,int-on" and
// "ibm,int-off", which are those of an in-kernel XICS. token is the number that
// the guest finds in its device tree; 0 hands the service back to the caller.
//
// ioctl: KVM_PPC_RTAS_DEFINE_TOKEN (vm) · cap: KVM_CAP_PPC_RTAS · arch: ppc · since: Linux 3.10 · doc: virt/kvm/api.rst "KVM_PPC_RTAS_DEFINE_TOKEN"
func (vm *VM) PPCRTASDefineToken(name string, token uint64) error {
	args, err := rtasToken(name, token)
	if err != nil {
		return err
	}
	err = vmSet(vm, uapi.IoctlVMPPCRTASDefineToken, &args)
	return explain(err, vm, uapi.CapPPCRTAS, "3.10")
}

func rtasToken(name string, token uint64) (args uapi.RTASTokenArgs, err error) {
	const req = uapi.IoctlVMPPCRTASDefineToken
	// KVM wants the name to end inside of the array.
	if name == "" || len(name) >= len(args.Name) || strings.IndexByte(name, 0) >= 0 {
		return args, invalid("%v: name %q: want 1 to %d bytes, none of them 0", req, name, len(args.Name)-1)
	}
	copy(args.Name[:], name)
	args.Token = token
	return args, nil
}
