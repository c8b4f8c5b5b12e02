package host

// register is one register of a CPUID answer.
type register int

const (
	eax register = iota
	ebx
	ecx
	edx
)

// featureWord names the bits of one register of CPUID, from bit 0 up, with the
// names that /proc/cpuinfo uses; "-" has no name worth showing, or is none.
type featureWord struct {
	function, index uint32
	register        register
	names           string
}

// processorFeatures are the words in the order they are shown.
var processorFeatures = []featureWord{
	{0x1, 0, edx, "fpu vme de pse tsc msr pae mce cx8 apic - sep mtrr pge mca cmov " +
		"pat pse36 pn clflush - dts acpi mmx fxsr sse sse2 ss ht tm ia64 pbe"},
	{0x1, 0, ecx, "sse3 pclmulqdq dtes64 monitor ds_cpl vmx smx est tm2 ssse3 cid sdbg fma cx16 xtpr pdcm " +
		"- pcid dca sse4_1 sse4_2 x2apic movbe popcnt tsc_deadline_timer aes xsave - avx f16c rdrand hypervisor"},
	{0x80000001, 0, edx, "- - - - - - - - - - - syscall - - - - - - - mp nx - mmxext - - fxsr_opt pdpe1gb rdtscp - lm 3dnowext 3dnow"},
	{0x80000001, 0, ecx, "lahf_lm cmp_legacy svm extapic cr8_legacy abm sse4a misalignsse 3dnowprefetch osvw ibs xop skinit wdt - lwp " +
		"fma4 tce - nodeid_msr - tbm topoext perfctr_core perfctr_nb - bpext ptsc perfctr_llc mwaitx - -"},
	{0x7, 0, ebx, "fsgsbase tsc_adjust sgx bmi1 hle avx2 - smep bmi2 erms invpcid rtm cqm - mpx rdt_a " +
		"avx512f avx512dq rdseed adx smap avx512ifma - clflushopt clwb intel_pt avx512pf avx512er avx512cd sha_ni avx512bw avx512vl"},
	{0x7, 0, ecx, "- avx512vbmi umip pku - waitpkg avx512_vbmi2 shstk gfni vaes vpclmulqdq avx512_vnni avx512_bitalg tme avx512_vpopcntdq - " +
		"la57 - - - - - rdpid - bus_lock_detect cldemote - movdiri movdir64b enqcmd sgx_lc pks"},
	{0x7, 0, edx, "- - avx512_4vnniw avx512_4fmaps fsrm uintr - - avx512_vp2intersect srbds_ctrl md_clear - - - serialize hybrid " +
		"tsxldtrk - pconfig arch_lbr ibt - amx_bf16 avx512_fp16 amx_tile amx_int8 spec_ctrl stibp flush_l1d arch_capabilities core_capabilities ssbd"},
	{0x7, 1, eax, "sha512 sm3 sm4 - avx_vnni avx512_bf16 - cmpccxadd - - fzrm fsrs fsrc - - - - - - - - amx_fp16 - avx_ifma - - lam - - - - -"},
	{0xd, 1, eax, "xsaveopt xsavec xgetbv1 xsaves xfd"},
	{0x80000007, 0, edx, "- - - - - - - - constant_tsc"},
	{0x80000008, 0, ebx, "clzero irperf xsaveerptr - rdpru - - - - wbnoinvd - - ibpb - ibrs stibp - stibp_always_on - - - - - ppin ssbd virt_ssbd ssb_no cppc"},
	{0x8000000a, 0, edx, "npt lbrv svm_lock nrip_save tsc_scale vmcb_clean flushbyasid decodeassists - - pausefilter - pfthreshold avic - v_vmsave_vmload vgif"},
	{0x80000021, 0, eax, "no_nested_data_bp - lfence_rdtsc - - - null_sel_clr_base - autoibrs"},
}

// kvmFeatures are what KVM itself offers its guests.
var kvmFeatures = []featureWord{
	{kvmLeaf + 1, 0, eax, "clocksource nop_io_delay mmu_op clocksource2 async_pf steal_time pv_eoi pv_unhalt - pv_tlb_flush async_pf_vmexit " +
		"pv_send_ipi poll_control pv_sched_yield async_pf_int msi_ext_dest_id hc_map_gpa_range migration_control - - - - - - clocksource_stable"},
}

// kvmLeaf is where a hypervisor names itself.
const kvmLeaf = 0x40000000
