package main

import (
	"slices"
	"strings"
)

// reasons say why no lane does something. Where the reason is an architecture,
// it is for all that only that architecture has.
var reasons = map[string]string{
	"s390x":    "no lane: QEMU's emulation of s390x has no SIE, so Linux in it has no KVM",
	"mips64le": "no lane: QEMU's emulation of MIPS has no virtualization (VZ)",
	"loong64":  "no lane: QEMU's emulation of LoongArch has no virtualization (LVZ)",

	"sev":     "needs an AMD processor with SEV, and its firmware; QEMU emulates neither",
	"tdx":     "needs an Intel processor with TDX, and its module; QEMU emulates neither",
	"memory":  "needs a processor with SEV or TDX, and its firmware; QEMU emulates neither",
	"private": "needs private memory: a processor with SEV-SNP or TDX, or a kernel with CONFIG_KVM_SW_PROTECTED_VM, which Debian's have not",
	"intel":   "needs an Intel processor or a newer AMD one; the lanes emulate one with AMD's SVM, without this",
	"booke":   "for PowerPC's Book E processors and their interrupt controllers, which are 32-bit or big-endian machines; Go has no port to them",
	"kvmpr":   "only kvm-pr makes it, with KVM_CAP_PPC_OSI, for guests of Mac-on-Linux",
	"hwerror": "needs a memory error that the hardware reports",
	"ls64":    "needs a processor with FEAT_LS64, which QEMU does not emulate",
	"gicv5":   "needs a GICv5, which QEMU does not emulate",
	"unused":  "no kernel makes it any more: the number is kept",
	"unknown": "KVM's word for an exit of the hardware that it does not know",
	"number":  "the kernel has the number and no device behind it",
	"rma":     "was for the PPC970, which KVM does not support any more",
	"alias":   "the older name of KVM_DEV_VFIO_FILE, and the same number",

	"guest":     "is shared between the guest's kernel and KVM; no ioctl takes it",
	"attribute": "is the value of an attribute: bytes for Attr and SetAttr",
	"register":  "its layout numbers the registers that OneReg and SetOneReg take",
	"bytes":     "is as long as the processor needs: []byte in XSAVE and SetXSAVE",
	"file":      "is what reading the descriptor of statistics gives",
	"pointer":   "is what a pointer in another struct points to",
	"alike":     "has the layout of its fellow, whose type package kvm uses for both",
	"kernel":    "is in the headers, and no ioctl takes it",
}

// exceptions are what no lane does, by reason; for structs, why package kvm does
// not name them. A "*" at the end stands for all that begin so.
//
// A row that a lane does after all, and one that is about nothing, fail the check.
var exceptions = parseExceptions(`
memory   ioctl  KVM_MEMORY_ENCRYPT_OP
sev      ioctl  KVM_MEMORY_ENCRYPT_REG_REGION KVM_MEMORY_ENCRYPT_UNREG_REGION
private  ioctl  KVM_SET_MEMORY_ATTRIBUTES
s390x    ioctl  KVM_GET_DEVICE_ATTR/vm
sev      exit   KVM_EXIT_SNP_REQ_CERTS KVM_EXIT_AP_RESET_HOLD
tdx      exit   KVM_EXIT_TDX
intel    exit   KVM_EXIT_NOTIFY KVM_EXIT_X86_BUS_LOCK
unused   exit   KVM_EXIT_EXCEPTION KVM_EXIT_DCR
unknown  exit   KVM_EXIT_UNKNOWN
hwerror  exit   KVM_EXIT_NMI KVM_EXIT_ARM_SEA
booke    exit   KVM_EXIT_WATCHDOG KVM_EXIT_EPR
kvmpr    exit   KVM_EXIT_OSI
ls64     exit   KVM_EXIT_ARM_LDST64B
s390x    exit   KVM_EXIT_S390_*
loong64  exit   KVM_EXIT_LOONGARCH_IOCSR

booke    ioctl  KVM_DIRTY_TLB
rma      ioctl  KVM_ALLOCATE_RMA

booke    device KVM_DEV_TYPE_FSL_MPIC_20 KVM_DEV_TYPE_FSL_MPIC_42
s390x    device KVM_DEV_TYPE_FLIC
number   device KVM_DEV_TYPE_ARM_PV_TIME
gicv5    device KVM_DEV_TYPE_ARM_VGIC_V5
loong64  device KVM_DEV_TYPE_LOONGARCH_*

sev      group  KVM_X86_GRP_SEV
booke    group  KVM_DEV_MPIC_GRP_*
alias    group  KVM_DEV_VFIO_GROUP

guest     struct kvm_clock_pairing kvm_steal_time kvm_vcpu_pv_apf_data kvm_mmu_op_* kvm_vcpu_arch_shared
attribute struct kvm_s390_vm_* kvm_s390_ais_* kvm_s390_io_adapter* kvm_smccc_filter kvm_vfio_spapr_tce kvm_ppc_xive_eq
register  struct kvm_riscv_*
bytes     struct kvm_xsave
file      struct kvm_stats_desc kvm_stats_header
pointer   struct kvm_hw_breakpoint kvm_get_htab_header
alike     struct kvm_sev_receive_update_data kvm_vmx_nested_state_data
kernel    struct kvm_iocsr_entry kvm_mips_interrupt kvm_ppc_radix_geom user_regs_struct
booke     struct kvm_book3e_206_tlb_entry kvm_book3e_206_tlb_params kvm_config_tlb
rma       struct kvm_allocate_rma
`)

// absences are ioctls that the headers have everywhere and some architectures'
// KVM does not: there is no method there. The facts are those of the kernel's
// arch/*/kvm, where the function for it is missing or only refuses. (That of
// ppc64le for KVM_TRANSLATE does nothing.)
var absences = parseAbsences(`
KVM_CREATE_IRQCHIP  loong64 mips64le ppc64le riscv64
KVM_IRQ_LINE        mips64le s390x
KVM_IRQ_LINE_STATUS mips64le s390x
KVM_SET_GSI_ROUTING mips64le
KVM_REGISTER_COALESCED_MMIO   s390x
KVM_UNREGISTER_COALESCED_MMIO s390x
KVM_CLEAR_DIRTY_LOG ppc64le s390x
KVM_RESET_DIRTY_RINGS mips64le ppc64le s390x
KVM_GET_REGS        arm64 riscv64
KVM_SET_REGS        arm64 riscv64
KVM_GET_SREGS       arm64 loong64 mips64le riscv64
KVM_SET_SREGS       arm64 loong64 mips64le riscv64
KVM_GET_FPU         arm64 mips64le ppc64le riscv64
KVM_SET_FPU         arm64 mips64le ppc64le riscv64
KVM_TRANSLATE       arm64 loong64 mips64le ppc64le riscv64 s390x
KVM_INTERRUPT       arm64 s390x
KVM_GET_MP_STATE    mips64le ppc64le
KVM_SET_MP_STATE    mips64le ppc64le
KVM_GET_REG_LIST    ppc64le s390x
`)

func parseAbsences(table string) map[string][]string {
	rows := map[string][]string{}
	for line := range strings.Lines(table) {
		if w := strings.Fields(line); len(w) > 1 {
			rows[w[0]] = w[1:]
		}
	}
	return rows
}

// exception is a row; with a kind, NAME/KIND in the table, only for that kind of
// descriptor.
type exception struct{ what, name, kind, reason string }

func parseExceptions(table string) []exception {
	var list []exception
	for line := range strings.Lines(table) {
		if w := strings.Fields(line); len(w) > 2 {
			for _, name := range w[2:] {
				name, kind, _ := strings.Cut(name, "/")
				list = append(list, exception{w[1], name, kind, w[0]})
			}
		}
	}
	return list
}

func (e exception) covers(what, name, kind string) bool {
	return e.what == what && matches(e.name, name) && (e.kind == "" || e.kind == kind)
}

// excuse is why no lane does something, or "": a row of exceptions, or that it
// exists on architectures only that no lane has, and why.
func (m *model) excuse(what, name, kind string, on []string) string {
	for _, e := range m.exceptions {
		if e.covers(what, name, kind) {
			return reasons[e.reason]
		}
	}
	if len(on) == 0 || len(on) == len(archs) {
		return ""
	}
	var why []string
	for _, arch := range on {
		if reasons[arch] == "" || slices.ContainsFunc(m.lanes, func(r *laneRecords) bool { return r.goarch == arch }) {
			return ""
		}
		why = append(why, reasons[arch])
	}
	return strings.Join(why, "; ")
}
