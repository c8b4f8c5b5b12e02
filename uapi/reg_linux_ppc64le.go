package uapi

func regKind(r Reg) string {
	if r&RegArchMask != RegPPC {
		return ""
	}
	return regNumbered("KVM_REG_PPC", uint64(r&^RegArchMask&^RegSizeMask))
}
