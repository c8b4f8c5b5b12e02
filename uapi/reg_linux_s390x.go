package uapi

func regKind(r Reg) string {
	if r&RegArchMask != RegS390 {
		return ""
	}
	return regNumbered("KVM_REG_S390", uint64(r&^RegArchMask&^RegSizeMask))
}
