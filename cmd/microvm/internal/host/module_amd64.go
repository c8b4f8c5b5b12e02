package host

var modules = []Module{
	{Name: "kvm_pvm", Meaning: "page tables only, no help from the processor: guest kernel mode is emulated"},
	{Name: "kvm_amd", Meaning: "AMD processors (SVM)", vendors: []string{"AuthenticAMD", "HygonGenuine"}},
	{Name: "kvm_intel", Meaning: "Intel processors (VMX)", vendors: []string{"GenuineIntel", "CentaurHauls", "  Shanghai  "}},
}
