package main

import (
	"strings"
	"testing"
)

func TestGoName(t *testing.T) {
	for c, want := range map[string]string{
		"sregs":                     "Sregs",
		"irqfd":                     "IRQFD",
		"nr_vcpus":                  "NrVCPUs",
		"MAX_VCPU_ID":               "MaxVCPUID",
		"cpuid_entry2":              "CPUIDEntry2",
		"pit_state2":                "PITState2",
		"cr0":                       "CR0",
		"r15":                       "R15",
		"pdptrs":                    "PDPTRs",
		"MANUAL_DIRTY_LOG_PROTECT2": "ManualDirtyLogProtect2",
		"ARM_PSCI_0_2":              "ArmPSCI0_2",
		"ARM_EL1_32BIT":             "ArmEL1_32bit",
		"SPAPR_TCE_64":              "SPAPRTCE64",
		"es":                        "ES", // its own word, not two of one letter
		"__reserved":                "Reserved",
		"S390_UCONTROL":             "S390UControl",
	} {
		if got := goName(c); got != want {
			t.Errorf("%s became %s, want %s", c, got, want)
		}
	}
}

func TestConstantName(t *testing.T) {
	for _, c := range []struct{ c, enum, want string }{
		{"KVM_MEM_READONLY", "", "MemReadonly"},
		{"KVM_IRQFD_FLAG_RESAMPLE", "", "IRQFDFlagResample"},
		{"KVM_IRQ_ROUTING_MSI", "", "IRQRoutingTypeMSI"},
		{"KVM_IRQ_ROUTING_XEN_EVTCHN_PRIO_2LEVEL", "", "IRQRoutingXenEvtchnPrio2Level"},
		{"KVM_SEV_LAUNCH_START", "sev_cmd_id", "SEVCmdLaunchStart"},
		{"KVM_SEV_SNP_PAGE_TYPE_ZERO", "", "SEVSNPPageTypeZero"},
		{"MSR_KVM_STEAL_TIME", "", "MSRKVMStealTime"},
		{"KVMIO", "", "KVMIO"},
	} {
		if got := constantName(c.c, c.enum); got != c.want {
			t.Errorf("%s became %s, want %s", c.c, got, c.want)
		}
	}
}

// TestInitialisms finds words that stand in the table twice, perhaps in two
// spellings.
func TestInitialisms(t *testing.T) {
	seen := map[string]string{}
	for w := range strings.FieldsSeq(initialisms) {
		if other, ok := seen[strings.ToLower(w)]; ok {
			t.Errorf("%s is in the table already, as %s", w, other)
		}
		seen[strings.ToLower(w)] = w
	}
}
