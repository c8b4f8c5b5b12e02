package kvm

import (
	"testing"

	"linuxkvm/uapi"
)

// ppcRequests are the requests that only this architecture has.
var ppcRequests = map[string]requestRow{
	"IoctlVMPPCGetPVINFO":        structOf[uapi.PPCPVINFO](uapi.IoctlVMPPCGetPVINFO),
	"IoctlVMPPCGetSMMUInfo":      structOf[uapi.PPCSMMUInfo](uapi.IoctlVMPPCGetSMMUInfo),
	"IoctlVMPPCAllocateHTAB":     structOf[uint32](uapi.IoctlVMPPCAllocateHTAB),
	"IoctlVMCreateSPAPRTCE":      structOf[uapi.CreateSPAPRTCE](uapi.IoctlVMCreateSPAPRTCE),
	"IoctlVMCreateSPAPRTCE64":    structOf[uapi.CreateSPAPRTCE64](uapi.IoctlVMCreateSPAPRTCE64),
	"IoctlVMAllocateRMA":         structOf[uapi.AllocateRMA](uapi.IoctlVMAllocateRMA),
	"IoctlVMPPCGetHTABFD":        structOf[uapi.GetHTABFD](uapi.IoctlVMPPCGetHTABFD),
	"IoctlVMPPCRTASDefineToken":  structOf[uapi.RTASTokenArgs](uapi.IoctlVMPPCRTASDefineToken),
	"IoctlVMPPCResizeHPTPrepare": structOf[uapi.PPCResizeHPT](uapi.IoctlVMPPCResizeHPTPrepare),
	"IoctlVMPPCResizeHPTCommit":  structOf[uapi.PPCResizeHPT](uapi.IoctlVMPPCResizeHPTCommit),
	"IoctlVMPPCConfigureV3MMU":   structOf[uapi.PPCMmuv3Cfg](uapi.IoctlVMPPCConfigureV3MMU),
	"IoctlVMPPCGetRMMUInfo":      structOf[uapi.PPCRMMUInfo](uapi.IoctlVMPPCGetRMMUInfo),
	"IoctlVMPPCGetCPUChar":       structOf[uapi.PPCCPUChar](uapi.IoctlVMPPCGetCPUChar),
	"IoctlVMPPCSVMOff":           number(uapi.IoctlVMPPCSVMOff),
	"IoctlVCPUDirtyTLB":          structOf[uapi.DirtyTLB](uapi.IoctlVCPUDirtyTLB),
	"IoctlVCPUInterrupt":         structOf[uapi.Interrupt](uapi.IoctlVCPUInterrupt),
}

func TestRequestSizes(t *testing.T) { checkRequestSizes(t, ppcRequests) }

func TestRequestTableIsComplete(t *testing.T) {
	checkRequestTable(t, ppcRequests, "*_linux_ppc64le.go")
}
