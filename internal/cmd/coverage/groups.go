package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// owner says on what descriptor a group of attributes is. The headers do not.
type owner struct {
	kind string   // as in kinds
	fds  []string // for a device, the kernel's names for it
}

// owners has a row for every attribute group: kind, names of devices, groups. A
// "*" at the end stands for all that begin so. The facts are those of the kernel's
// Documentation/virt/kvm/devices, and the names of its struct kvm_device_ops. (A
// XICS that is made of a XIVE is called kvm-xive.)
var owners = parseOwners(`
system  -              KVM_X86_GRP_*
vm      -              KVM_ARM_VM_SMCCC_CTRL KVM_LOONGARCH_VM_FEAT_CTRL
vm      -              KVM_S390_VM_MEM_CTRL KVM_S390_VM_TOD KVM_S390_VM_CRYPTO
vm      -              KVM_S390_VM_CPU_MODEL KVM_S390_VM_MIGRATION KVM_S390_VM_CPU_TOPOLOGY
vcpu    -              KVM_VCPU_TSC_CTRL
vcpu    -              KVM_ARM_VCPU_PMU_V3_CTRL KVM_ARM_VCPU_TIMER_CTRL KVM_ARM_VCPU_PVTIME_CTRL
vcpu    -              KVM_LOONGARCH_VCPU_CPUCFG KVM_LOONGARCH_VCPU_PVTIME_CTRL
device  kvm-vfio       KVM_DEV_VFIO_FILE KVM_DEV_VFIO_GROUP
device  kvm-arm-vgic*  KVM_DEV_ARM_VGIC_GRP_*
device  kvm-mpic       KVM_DEV_MPIC_GRP_*
device  kvm-xics|kvm-xive  KVM_DEV_XICS_GRP_*
device  kvm-xive-native    KVM_DEV_XIVE_GRP_*
device  kvm-flic       KVM_DEV_FLIC_*
device  kvm-riscv-aia  KVM_DEV_RISCV_AIA_GRP_*
device  kvm-loongarch-ipi      KVM_DEV_LOONGARCH_IPI_GRP_*
device  kvm-loongarch-eiointc  KVM_DEV_LOONGARCH_EXTIOI_GRP_*
device  kvm-loongarch-pch-pic  KVM_DEV_LOONGARCH_PCH_PIC_GRP_*
device  kvm-loongarch-dmsintc  KVM_DEV_LOONGARCH_DMSINTC_GRP_*
`)

func parseOwners(table string) map[string]owner {
	names := map[string]string{"system": "System", "vm": "VM", "vcpu": "VCPU", "device": "Device"}
	rows := map[string]owner{}
	for line := range strings.Lines(table) {
		if w := strings.Fields(line); len(w) > 2 {
			for _, group := range w[2:] {
				rows[group] = owner{names[w[0]], strings.Split(strings.TrimPrefix(w[1], "-"), "|")}
			}
		}
	}
	return rows
}

// ownerOf finds a group's row.
func ownerOf(c string) (owner, bool) {
	if o, ok := owners[c]; ok {
		return o, true
	}
	for pattern, o := range owners {
		if matches(pattern, c) {
			return o, true
		}
	}
	return owner{}, false
}

// groups are the attribute groups that the headers have.
func (h *headers) groups() []*constant {
	var list []*constant
	for _, k := range h.others {
		if _, ok := ownerOf(k.c); ok {
			list = append(list, k)
		}
	}
	slices.SortStableFunc(list, func(a, b *constant) int {
		oa, _ := ownerOf(a.c)
		ob, _ := ownerOf(b.c)
		return slices.Index(kinds, oa.kind) - slices.Index(kinds, ob.kind)
	})
	return list
}

// groupOf is the name of a group's number on a descriptor.
func groupOf(h *headers, arch, kind, fd string, value uint64) string {
	for _, k := range h.groups() {
		o, _ := ownerOf(k.c)
		v, ok := k.values[arch]
		if ok && v == value && o.kind == kind && (kind != "Device" || o.isCalled(strings.TrimPrefix(fd, "anon_inode:"))) {
			return k.c
		}
	}
	return ""
}

func (o owner) isCalled(name string) bool {
	return slices.ContainsFunc(o.fds, func(fd string) bool { return matches(fd, name) })
}

// matches compares a name with a pattern, of which a "*" at the end stands for
// anything.
func matches(pattern, name string) bool {
	start, open := strings.CutSuffix(pattern, "*")
	return name == pattern || open && strings.HasPrefix(name, start)
}

// likeGroup are names that a group of attributes would have.
var likeGroup = regexp.MustCompile(`_GRP_|^KVM_(\w+_)?(VM|VCPU)_\w+_CTRL$`)

// families are the constants of devices and of s390's VMs, whose groups are not
// called so: the word after the prefix tells which family.
var families = map[string]string{
	"KVM_DEV_":     "ARM FLIC LOONGARCH MPIC RISCV TYPE VFIO XICS XIVE",
	"KVM_S390_VM_": "CPU CRYPTO MEM MIGRATION TOD",
}

// unplaced are constants that may be groups and are in no row of owners.
func (h *headers) unplaced() []string {
	var list []string
	for _, k := range h.others {
		_, placed := ownerOf(k.c)
		if !placed && likeGroup.MatchString(k.c) {
			list = append(list, fmt.Sprintf("%s looks like a group of attributes and has no row in owners (groups.go)", k.c))
		}
		for prefix, known := range families {
			rest, ok := strings.CutPrefix(k.c, prefix)
			word, _, _ := strings.Cut(rest, "_")
			if ok && !slices.Contains(strings.Fields(known), word) {
				list = append(list, fmt.Sprintf("%s is of a new family: are there groups of attributes in it? See owners and families (groups.go)", k.c))
			}
		}
	}
	return list
}
