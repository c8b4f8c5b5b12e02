package main

import (
	"fmt"
	"strings"
)

// count says which member of a struct tells the length of its trailing array.
type count struct {
	member string // in C, empty if there is none
	typ    string // in Go
	value  string // an expression of the buffer b and its length n
	what   string // the value in words
}

// counts has a row for every struct with a trailing array, which C does not say.
var counts = map[string]count{
	"kvm_cpuid":               {"nent", "uint32", "n", "n"},
	"kvm_cpuid2":              {"nent", "uint32", "n", "n"},
	"kvm_msrs":                {"nmsrs", "uint32", "n", "n"},
	"kvm_msr_list":            {"nmsrs", "uint32", "n", "n"},
	"kvm_irq_routing":         {"nr", "uint32", "n", "n"},
	"kvm_reg_list":            {"n", "uint64", "n", "n"},
	"kvm_signal_mask":         {"len", "uint32", "n", "n"},
	"kvm_pmu_event_filter":    {"nevents", "uint32", "n", "n"},
	"kvm_tdx_capabilities":    {"cpuid.nent", "uint32", "n", "n"},
	"kvm_tdx_init_vm":         {"cpuid.nent", "uint32", "n", "n"},
	"kvm_nested_state":        {"size", "uint32", "b.Size()", "the size of it all"},
	"kvm_xsave":               {},
	"kvm_stats_desc":          {},
	"kvm_coalesced_mmio_ring": {},
}

// path is the member in Go.
func (c count) path() string {
	parts := strings.Split(c.member, ".")
	for i, p := range parts {
		parts[i] = goName(p)
	}
	return strings.Join(parts, ".")
}

// checkCounts finds structs with a trailing array without a row.
func checkCounts(types [][]*goType) error {
	for _, list := range types {
		for _, t := range list {
			if _, ok := counts[strings.TrimPrefix(t.root, "struct ")]; len(t.arrays) > 0 && (!ok || t.cpath != "") {
				return fmt.Errorf("%s has a trailing array and no row in counts: which member is its length?", t.root)
			}
		}
	}
	return nil
}
