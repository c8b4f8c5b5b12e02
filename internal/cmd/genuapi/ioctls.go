package main

import "strings"

// fdKind is a kind of descriptor that ioctls are issued on.
type fdKind string

const (
	onSystem fdKind = "System"
	onVM     fdKind = "VM"
	onVCPU   fdKind = "VCPU"
	onDevice fdKind = "Device"
)

var fdKinds = []fdKind{onSystem, onVM, onVCPU, onDevice}

// place says on which descriptors an ioctl lives and on which architectures.
type place struct {
	kinds []fdKind
	archs []string // the kernel's names, empty for all
}

// places has a row for every ioctl. The facts are those of the kernel's
// Documentation/virt/kvm/api.rst, its "Type:" and "Architectures:" lines, and of
// the dispatch in virt/kvm and arch/*/kvm where that is silent.
//
// An architecture is named only where the ioctl is meaningless elsewhere, not
// where it is merely not implemented yet. One whose struct an architecture lacks
// is absent there by itself.
var places = parsePlaces(`
GET_API_VERSION              system
CREATE_VM                    system
CHECK_EXTENSION              system vm
GET_VCPU_MMAP_SIZE           system
GET_MSR_INDEX_LIST           system
GET_MSR_FEATURE_INDEX_LIST   system
GET_SUPPORTED_CPUID          system
GET_EMULATED_CPUID           system
GET_SUPPORTED_HV_CPUID       system vcpu
X86_GET_MCE_CAP_SUPPORTED    system           x86
S390_ENABLE_SIE              system           s390
GET_MSRS                     system vcpu

CREATE_VCPU                  vm
GET_DIRTY_LOG                vm
CLEAR_DIRTY_LOG              vm
RESET_DIRTY_RINGS            vm
SET_USER_MEMORY_REGION       vm
SET_USER_MEMORY_REGION2      vm
SET_MEMORY_ATTRIBUTES        vm
CREATE_GUEST_MEMFD           vm
SET_NR_MMU_PAGES             vm               x86
GET_NR_MMU_PAGES             vm               x86
SET_TSS_ADDR                 vm               x86
SET_IDENTITY_MAP_ADDR        vm               x86
SET_BOOT_CPU_ID              vm               x86
CREATE_IRQCHIP               vm
GET_IRQCHIP                  vm               x86
SET_IRQCHIP                  vm               x86
IRQ_LINE                     vm
IRQ_LINE_STATUS              vm
SET_GSI_ROUTING              vm
SIGNAL_MSI                   vm
IRQFD                        vm
IOEVENTFD                    vm
REGISTER_COALESCED_MMIO      vm
UNREGISTER_COALESCED_MMIO    vm
CREATE_PIT                   vm               x86
GET_PIT                      vm               x86
SET_PIT                      vm               x86
CREATE_PIT2                  vm               x86
GET_PIT2                     vm               x86
SET_PIT2                     vm               x86
REINJECT_CONTROL             vm               x86
SET_CLOCK                    vm               x86
GET_CLOCK                    vm               x86
X86_SET_MSR_FILTER           vm               x86
SET_PMU_EVENT_FILTER         vm               x86
HYPERV_EVENTFD               vm               x86
XEN_HVM_CONFIG               vm               x86
XEN_HVM_GET_ATTR             vm               x86
XEN_HVM_SET_ATTR             vm               x86
XEN_HVM_EVTCHN_SEND          vm               x86
MEMORY_ENCRYPT_OP            vm vcpu          x86
MEMORY_ENCRYPT_REG_REGION    vm               x86
MEMORY_ENCRYPT_UNREG_REGION  vm               x86
CREATE_DEVICE                vm
SET_DEVICE_ATTR              vm vcpu device
GET_DEVICE_ATTR              system vm vcpu device
HAS_DEVICE_ATTR              system vm vcpu device
ENABLE_CAP                   vm vcpu
GET_STATS_FD                 vm vcpu
SET_TSC_KHZ                  vm vcpu          x86
GET_TSC_KHZ                  vm vcpu          x86

RUN                          vcpu
GET_REGS                     vcpu
SET_REGS                     vcpu
GET_SREGS                    vcpu
SET_SREGS                    vcpu
GET_SREGS2                   vcpu
SET_SREGS2                   vcpu
TRANSLATE                    vcpu
INTERRUPT                    vcpu
SET_MSRS                     vcpu
SET_CPUID                    vcpu
SET_CPUID2                   vcpu
GET_CPUID2                   vcpu
SET_SIGNAL_MASK              vcpu
GET_FPU                      vcpu
SET_FPU                      vcpu
GET_LAPIC                    vcpu
SET_LAPIC                    vcpu
TPR_ACCESS_REPORTING         vcpu             x86
SET_VAPIC_ADDR               vcpu             x86
GET_MP_STATE                 vcpu
SET_MP_STATE                 vcpu
NMI                          vcpu             x86
SMI                          vcpu             x86
SET_GUEST_DEBUG              vcpu
X86_SETUP_MCE                vcpu             x86
X86_SET_MCE                  vcpu             x86
GET_VCPU_EVENTS              vcpu
SET_VCPU_EVENTS              vcpu
GET_DEBUGREGS                vcpu
SET_DEBUGREGS                vcpu
GET_XSAVE                    vcpu
SET_XSAVE                    vcpu
GET_XSAVE2                   vcpu
GET_XCRS                     vcpu
SET_XCRS                     vcpu
DIRTY_TLB                    vcpu             powerpc
GET_ONE_REG                  vcpu
SET_ONE_REG                  vcpu
GET_REG_LIST                 vcpu
KVMCLOCK_CTRL                vcpu             x86
GET_NESTED_STATE             vcpu
SET_NESTED_STATE             vcpu
PRE_FAULT_MEMORY             vcpu
XEN_VCPU_GET_ATTR            vcpu             x86
XEN_VCPU_SET_ATTR            vcpu             x86

ARM_SET_DEVICE_ADDR          vm               arm64
ARM_MTE_COPY_TAGS            vm               arm64
ARM_SET_COUNTER_OFFSET       vm               arm64
ARM_GET_REG_WRITABLE_MASKS   vm               arm64
ARM_PREFERRED_TARGET         vm               arm64
ARM_VCPU_INIT                vcpu             arm64
ARM_VCPU_FINALIZE            vcpu             arm64

PPC_GET_PVINFO               vm               powerpc
PPC_GET_SMMU_INFO            vm               powerpc
PPC_ALLOCATE_HTAB            vm               powerpc
PPC_GET_HTAB_FD              vm               powerpc
PPC_RTAS_DEFINE_TOKEN        vm               powerpc
PPC_RESIZE_HPT_PREPARE       vm               powerpc
PPC_RESIZE_HPT_COMMIT        vm               powerpc
PPC_CONFIGURE_V3_MMU         vm               powerpc
PPC_GET_RMMU_INFO            vm               powerpc
PPC_GET_CPU_CHAR             vm               powerpc
PPC_SVM_OFF                  vm               powerpc
CREATE_SPAPR_TCE             vm               powerpc
CREATE_SPAPR_TCE_64          vm               powerpc
ALLOCATE_RMA                 vm               powerpc

S390_INTERRUPT               vm vcpu          s390
S390_MEM_OP                  vm vcpu          s390
S390_GET_SKEYS               vm               s390
S390_SET_SKEYS               vm               s390
S390_GET_CMMA_BITS           vm               s390
S390_SET_CMMA_BITS           vm               s390
S390_PV_COMMAND              vm               s390
S390_ZPCI_OP                 vm               s390
S390_KEYOP                   vm               s390
S390_PV_CPU_COMMAND          vcpu             s390
S390_UCAS_MAP                vcpu             s390
S390_UCAS_UNMAP              vcpu             s390
S390_VCPU_FAULT              vcpu             s390
S390_STORE_STATUS            vcpu             s390
S390_SET_INITIAL_PSW         vcpu             s390
S390_INITIAL_RESET           vcpu             s390
S390_NORMAL_RESET            vcpu             s390
S390_CLEAR_RESET             vcpu             s390
S390_IRQ                     vcpu             s390
S390_GET_IRQ_STATE           vcpu             s390
S390_SET_IRQ_STATE           vcpu             s390
`)

func parsePlaces(table string) map[string]place {
	kinds := map[string]fdKind{"system": onSystem, "vm": onVM, "vcpu": onVCPU, "device": onDevice}
	rows := map[string]place{}
	for line := range strings.Lines(table) {
		columns := strings.Fields(line)
		if len(columns) == 0 {
			continue
		}
		var p place
		for _, word := range columns[1:] {
			if kind, ok := kinds[word]; ok {
				p.kinds = append(p.kinds, kind)
			} else {
				p.archs = append(p.archs, word)
			}
		}
		rows["KVM_"+columns[0]] = p
	}
	return rows
}
