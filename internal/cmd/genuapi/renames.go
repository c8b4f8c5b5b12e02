package main

// renamed has the exceptions to the mechanical names: where a constant and a
// struct would get the same name.
var renamed = map[string]string{
	"kvm_exit_snp_req_certs":                 "ExitSNPReqCertsData", // KVM_EXIT_SNP_REQ_CERTS is the reason
	"KVM_S390_VM_CPU_PROCESSOR":              "S390VMCPUProcessorAttr",
	"KVM_S390_VM_CPU_MACHINE":                "S390VMCPUMachineAttr",
	"KVM_TDX_CMD_NR_MAX":                     "TDXCmdNrMax",
	"KVM_IRQ_ROUTING_XEN_EVTCHN_PRIO_2LEVEL": "IRQRoutingXenEvtchnPrio2Level",
}

// prefix replaces the start of a family of names.
type prefix struct{ c, golang string }

// enumPrefixes name the constants of an enum, by its tag.
var enumPrefixes = map[string]prefix{
	"sev_cmd_id":     {"KVM_SEV_", "SEVCmd"}, // kvm_sev_launch_start is the command's struct
	"kvm_tdx_cmd_id": {"KVM_TDX_", "TDXCmd"},
}

// constantPrefixes name macros; the first that fits does.
var constantPrefixes = []prefix{
	{"KVM_IRQ_ROUTING_", "IRQRoutingType"}, // kvm_irq_routing_msi is the struct
	{"KVM_SREGS_E_IMPL_", "SregsEImplID"},  // u.e.impl.fsl of kvm_sregs is a struct; these are values of impl_id
	{"KVM_MMU_OP_", "MMUOpCode"},           // kvm_mmu_op_write_pte is the struct
}

// notConstants are macros that are no integer constants, and
// why. The generator stops at one that it does not know.
var notConstants = map[string]string{
	"KVM_COALESCED_MMIO_MAX": "depends on the page size, which is the running kernel's",
	"KVM_SIGNATURE":          "a string",
}
