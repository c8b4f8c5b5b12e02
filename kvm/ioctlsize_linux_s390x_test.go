package kvm

import (
	"testing"

	"linuxkvm/uapi"
)

// s390Requests are the requests that only this architecture has.
var s390Requests = map[string]requestRow{
	"IoctlSystemS390EnableSIE":   number(uapi.IoctlSystemS390EnableSIE),
	"IoctlVMS390Interrupt":       structOf[uapi.S390Interrupt](uapi.IoctlVMS390Interrupt),
	"IoctlVMS390MemOp":           structOf[uapi.S390MemOp](uapi.IoctlVMS390MemOp),
	"IoctlVMS390GetSKEYs":        structOf[uapi.S390SKEYs](uapi.IoctlVMS390GetSKEYs),
	"IoctlVMS390SetSKEYs":        structOf[uapi.S390SKEYs](uapi.IoctlVMS390SetSKEYs),
	"IoctlVMS390GetCMMABits":     structOf[uapi.S390CMMALog](uapi.IoctlVMS390GetCMMABits),
	"IoctlVMS390SetCMMABits":     structOf[uapi.S390CMMALog](uapi.IoctlVMS390SetCMMABits),
	"IoctlVMS390PVCommand":       structOf[uapi.PVCmd](uapi.IoctlVMS390PVCommand),
	"IoctlVMS390ZPCIOp":          structOf[uapi.S390ZPCIOp](uapi.IoctlVMS390ZPCIOp),
	"IoctlVMS390Keyop":           structOf[uapi.S390Keyop](uapi.IoctlVMS390Keyop),
	"IoctlVCPUS390Interrupt":     structOf[uapi.S390Interrupt](uapi.IoctlVCPUS390Interrupt),
	"IoctlVCPUS390IRQ":           structOf[uapi.S390IRQ](uapi.IoctlVCPUS390IRQ),
	"IoctlVCPUS390GetIRQState":   structOf[uapi.S390IRQState](uapi.IoctlVCPUS390GetIRQState),
	"IoctlVCPUS390SetIRQState":   structOf[uapi.S390IRQState](uapi.IoctlVCPUS390SetIRQState),
	"IoctlVCPUS390MemOp":         structOf[uapi.S390MemOp](uapi.IoctlVCPUS390MemOp),
	"IoctlVCPUS390PVCPUCommand":  structOf[uapi.PVCmd](uapi.IoctlVCPUS390PVCPUCommand),
	"IoctlVCPUS390UCASMap":       structOf[uapi.S390UCASMapping](uapi.IoctlVCPUS390UCASMap),
	"IoctlVCPUS390UCASUnmap":     structOf[uapi.S390UCASMapping](uapi.IoctlVCPUS390UCASUnmap),
	"IoctlVCPUS390SetInitialPSW": structOf[uapi.S390PSW](uapi.IoctlVCPUS390SetInitialPSW),
	"IoctlVCPUS390InitialReset":  number(uapi.IoctlVCPUS390InitialReset),
	"IoctlVCPUS390NormalReset":   number(uapi.IoctlVCPUS390NormalReset),
	"IoctlVCPUS390ClearReset":    number(uapi.IoctlVCPUS390ClearReset),
	// These say unsigned long, and take the number itself.
	"IoctlVCPUS390VCPUFault":   {uintptr(uapi.IoctlVCPUS390VCPUFault), 8},
	"IoctlVCPUS390StoreStatus": {uintptr(uapi.IoctlVCPUS390StoreStatus), 8},
}

func TestRequestSizes(t *testing.T) { checkRequestSizes(t, s390Requests) }

func TestRequestTableIsComplete(t *testing.T) {
	checkRequestTable(t, s390Requests, "*_linux_s390x.go")
}
