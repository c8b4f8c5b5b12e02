package uapi

import "testing"

// The numbers are those of api.rst, and of the kernel's lists in
// tools/testing/selftests/kvm/arm64/get-reg-list.c.
func TestRegIDs(t *testing.T) {
	wantIDs(t, map[Reg]uint64{
		RegArmCoreRegs0.Reg():                          0x6030_0000_0010_0000,
		RegArmCorePC.Reg():                             0x6030_0000_0010_0040,
		RegArmCoreSPSR0.Reg():                          0x6030_0000_0010_0048,
		RegArmCoreVregs31.Reg():                        0x6040_0000_0010_00d0,
		RegArmCoreFpsr.Reg():                           0x6020_0000_0010_00d4,
		RegArmCoreFpcr.Reg():                           0x6020_0000_0010_00d5,
		RegArmPSCIVersion.Reg():                        0x6030_0000_0014_0000,
		RegArmFwReg(0).Reg():                           uint64(RegArmPSCIVersion),
		RegArmFwFeatBmapReg(2).Reg():                   uint64(RegArmVendorHypBmap),
		RegArm64SVEZreg31.Reg():                        0x6080_0000_0015_03e0,
		RegArm64SVEZregSlice(31, 0).Reg():              uint64(RegArm64SVEZreg31),
		RegArm64SVEZregSlice(33, 34).Reg():             0x6080_0000_0015_0022,
		RegArm64SVEPreg15.Reg():                        0x6050_0000_0015_05e0,
		RegArm64SVEPregSlice(15, 0).Reg():              uint64(RegArm64SVEPreg15),
		RegArm64SVEFfr0.Reg():                          0x6050_0000_0015_0600,
		RegArm64SVEFfrSlice(1).Reg():                   0x6050_0000_0015_0601,
		RegArm64SVEVLs.Reg():                           0x6060_0000_0015_ffff,
		RegArmDemuxCcsidr(2).Reg():                     0x6020_0000_0011_0002,
		RegArmDemuxCcsidr13.Reg():                      0x6020_0000_0011_000d,
		RegArm64Sysreg5(3, 0, 0, 0, 5).Reg():           0x6030_0000_0013_c005,
		RegArm64SysregMPIDREL1.Reg():                   0x6030_0000_0013_c005,
		RegArm64Sysreg5(3, 0, 1, 0, 0).Reg():           uint64(RegArm64SysregSCTLREL1),
		RegArm64Sysreg5(2, 0, 0, 15, 7).Reg():          uint64(RegArm64SysregDBGWCR15EL1),
		RegArm64Sysreg5(3, 3, 14, 2, 1).Reg():          uint64(RegArmPTIMERCtl),
		RegArm64Sysreg5(3, 3, 14, 15, 7).Reg():         0x6030_0000_0013_df7f, // PMCCFILTR_EL0
		RegArm64Sysreg5(255, 255, 255, 255, 255).Reg(): 0x6030_0000_0013_ffff,
	}, map[Reg]string{
		RegArmCoreRegs0.Reg():                       "KVM_REG_ARM_CORE_REG(regs.regs[0])",
		RegArm64Sysreg5(3, 0, 1, 0, 0).Reg():        "SCTLR_EL1",
		RegArm64Sysreg5(3, 3, 9, 12, 0).Reg():       "PMCR_EL0",
		RegArm64Sysreg5(3, 3, 14, 3, 2).Reg():       "KVM_REG_ARM_TIMER_CNT",
		RegArm64Sysreg5(3, 6, 15, 3, 2).Reg():       "S3_6_c15_c3_2",
		RegArm64SVEZreg3.Reg():                      "KVM_REG_ARM64_SVE_ZREG(3, 0)",
		RegArmDemuxCcsidr(200).Reg():                "KVM_REG_ARM_DEMUX(0x0, 0xc8)",
		RegArmFwReg(77).Reg():                       "KVM_REG_ARM_FW_REG(0x4d)",
		RegArmFwFeatBmapReg(77).Reg():               "KVM_REG_ARM_FW_FEAT_BMAP_REG(0x4d)",
		Reg(RegArm64 | RegSizeU32 | RegArm64Sysreg): "Reg(0x6020000000130000)",
	})
	op0, op1, crn, crm, op2, ok := RegArm64SysregOps(RegArm64Sysreg5(3, 6, 15, 3, 2).Reg())
	if op0 != 3 || op1 != 6 || crn != 15 || crm != 3 || op2 != 2 || !ok {
		t.Errorf("S3_6_c15_c3_2 is S%d_%d_c%d_c%d_%d, %v", op0, op1, crn, crm, op2, ok)
	}
	if _, _, _, _, _, ok := RegArm64SysregOps(RegArmCorePC.Reg()); ok {
		t.Error("the program counter is a system register")
	}
}
