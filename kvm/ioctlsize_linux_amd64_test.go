package kvm

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"linuxkvm/uapi"
)

// requestRow is a request number and the size of what the package passes with
// it: a struct, or nothing or a number.
type requestRow struct {
	number uintptr
	size   uintptr
}

func number[R request](req R) requestRow { return requestRow{uintptr(req), 0} }

func structOf[T any, R request](req R) requestRow {
	return requestRow{uintptr(req), reflect.TypeFor[T]().Size()}
}

// unsized passes a struct with a request whose number does not tell its size.
func unsized[T any, R request](req R) requestRow {
	return number(req)
}

var requests = map[string]requestRow{
	"IoctlSystemGetAPIVersion":          number(uapi.IoctlSystemGetAPIVersion),
	"IoctlSystemCreateVM":               number(uapi.IoctlSystemCreateVM),
	"IoctlSystemCheckExtension":         number(uapi.IoctlSystemCheckExtension),
	"IoctlSystemGetVCPUMmapSize":        number(uapi.IoctlSystemGetVCPUMmapSize),
	"IoctlSystemGetMSRIndexList":        structOf[uapi.MSRList](uapi.IoctlSystemGetMSRIndexList),
	"IoctlSystemGetMSRFeatureIndexList": structOf[uapi.MSRList](uapi.IoctlSystemGetMSRFeatureIndexList),
	"IoctlSystemGetMSRs":                structOf[uapi.MSRs](uapi.IoctlSystemGetMSRs),
	"IoctlSystemGetSupportedCPUID":      structOf[uapi.CPUID2](uapi.IoctlSystemGetSupportedCPUID),
	"IoctlSystemGetEmulatedCPUID":       structOf[uapi.CPUID2](uapi.IoctlSystemGetEmulatedCPUID),
	"IoctlSystemGetSupportedHVCPUID":    structOf[uapi.CPUID2](uapi.IoctlSystemGetSupportedHVCPUID),

	"IoctlSystemX86GetMCECapSupported": structOf[uint64](uapi.IoctlSystemX86GetMCECapSupported),

	"IoctlSystemGetDeviceAttr": structOf[uapi.DeviceAttr](uapi.IoctlSystemGetDeviceAttr),
	"IoctlSystemHasDeviceAttr": structOf[uapi.DeviceAttr](uapi.IoctlSystemHasDeviceAttr),
	"IoctlVMSetDeviceAttr":     structOf[uapi.DeviceAttr](uapi.IoctlVMSetDeviceAttr),
	"IoctlVMGetDeviceAttr":     structOf[uapi.DeviceAttr](uapi.IoctlVMGetDeviceAttr),
	"IoctlVMHasDeviceAttr":     structOf[uapi.DeviceAttr](uapi.IoctlVMHasDeviceAttr),
	"IoctlVCPUSetDeviceAttr":   structOf[uapi.DeviceAttr](uapi.IoctlVCPUSetDeviceAttr),
	"IoctlVCPUGetDeviceAttr":   structOf[uapi.DeviceAttr](uapi.IoctlVCPUGetDeviceAttr),
	"IoctlVCPUHasDeviceAttr":   structOf[uapi.DeviceAttr](uapi.IoctlVCPUHasDeviceAttr),

	"IoctlVMCheckExtension":       number(uapi.IoctlVMCheckExtension),
	"IoctlVMCreateVCPU":           number(uapi.IoctlVMCreateVCPU),
	"IoctlVMSetUserMemoryRegion":  structOf[uapi.UserspaceMemoryRegion](uapi.IoctlVMSetUserMemoryRegion),
	"IoctlVMSetUserMemoryRegion2": structOf[uapi.UserspaceMemoryRegion2](uapi.IoctlVMSetUserMemoryRegion2),
	"IoctlVMGetDirtyLog":          structOf[uapi.DirtyLog](uapi.IoctlVMGetDirtyLog),
	"IoctlVMClearDirtyLog":        structOf[uapi.ClearDirtyLog](uapi.IoctlVMClearDirtyLog),
	"IoctlVMSetNrMMUPages":        number(uapi.IoctlVMSetNrMMUPages),
	"IoctlVMGetNrMMUPages":        number(uapi.IoctlVMGetNrMMUPages),
	"IoctlVMSetTSSAddr":           number(uapi.IoctlVMSetTSSAddr),
	"IoctlVMSetIdentityMapAddr":   structOf[uint64](uapi.IoctlVMSetIdentityMapAddr),
	"IoctlVMSetBootCPUID":         number(uapi.IoctlVMSetBootCPUID),
	"IoctlVMCreateIRQChip":        number(uapi.IoctlVMCreateIRQChip),
	"IoctlVMGetIRQChip":           structOf[uapi.IRQChip](uapi.IoctlVMGetIRQChip),
	"IoctlVMSetIRQChip":           structOf[uapi.IRQChip](uapi.IoctlVMSetIRQChip),
	"IoctlVMCreatePIT2":           structOf[uapi.PITConfig](uapi.IoctlVMCreatePIT2),
	"IoctlVMGetPIT2":              structOf[uapi.PITState2](uapi.IoctlVMGetPIT2),
	"IoctlVMSetPIT2":              structOf[uapi.PITState2](uapi.IoctlVMSetPIT2),
	"IoctlVMReinjectControl":      unsized[uapi.ReinjectControl](uapi.IoctlVMReinjectControl),
	"IoctlVMIRQLine":              structOf[uapi.IRQLevel](uapi.IoctlVMIRQLine),
	"IoctlVMIRQLineStatus":        structOf[uapi.IRQLevel](uapi.IoctlVMIRQLineStatus),
	"IoctlVMSetGSIRouting":        structOf[uapi.IRQRouting](uapi.IoctlVMSetGSIRouting),
	"IoctlVMSignalMSI":            structOf[uapi.MSI](uapi.IoctlVMSignalMSI),
	"IoctlVMIRQFD":                structOf[uapi.IRQFD](uapi.IoctlVMIRQFD),
	"IoctlVMIoeventfd":            structOf[uapi.Ioeventfd](uapi.IoctlVMIoeventfd),
	"IoctlVMGetClock":             structOf[uapi.ClockData](uapi.IoctlVMGetClock),
	"IoctlVMSetClock":             structOf[uapi.ClockData](uapi.IoctlVMSetClock),
	"IoctlVMGetTSCKHz":            number(uapi.IoctlVMGetTSCKHz),
	"IoctlVMSetTSCKHz":            number(uapi.IoctlVMSetTSCKHz),
	"IoctlVMEnableCap":            structOf[uapi.EnableCap](uapi.IoctlVMEnableCap),
	"IoctlVMCreateDevice":         structOf[uapi.CreateDevice](uapi.IoctlVMCreateDevice),

	"IoctlVMCreatePIT":         number(uapi.IoctlVMCreatePIT),
	"IoctlVMGetPIT":            structOf[uapi.PITState](uapi.IoctlVMGetPIT),
	"IoctlVMSetPIT":            structOf[uapi.PITState](uapi.IoctlVMSetPIT),
	"IoctlVMSetPMUEventFilter": structOf[uapi.PMUEventFilter](uapi.IoctlVMSetPMUEventFilter),
	"IoctlVMX86SetMSRFilter":   structOf[uapi.MSRFilter](uapi.IoctlVMX86SetMSRFilter),
	"IoctlVMHypervEventFD":     structOf[uapi.HypervEventFD](uapi.IoctlVMHypervEventFD),
	"IoctlVMXenHvmConfig":      structOf[uapi.XenHvmConfig](uapi.IoctlVMXenHvmConfig),
	"IoctlVMXenHvmGetAttr":     structOf[uapi.XenHvmAttr](uapi.IoctlVMXenHvmGetAttr),
	"IoctlVMXenHvmSetAttr":     structOf[uapi.XenHvmAttr](uapi.IoctlVMXenHvmSetAttr),
	"IoctlVMXenHvmEvtchnSend":  structOf[uapi.IRQRoutingXenEvtchn](uapi.IoctlVMXenHvmEvtchnSend),
	// The number says a pointer; SEV passes a SEVCmd, TDX a TDXCmd.
	"IoctlVMMemoryEncryptOp":          structOf[uintptr](uapi.IoctlVMMemoryEncryptOp),
	"IoctlVMMemoryEncryptRegRegion":   structOf[uapi.EncRegion](uapi.IoctlVMMemoryEncryptRegRegion),
	"IoctlVMMemoryEncryptUnregRegion": structOf[uapi.EncRegion](uapi.IoctlVMMemoryEncryptUnregRegion),
	"IoctlVCPUSetCPUID":               structOf[uapi.CPUID](uapi.IoctlVCPUSetCPUID),
	"IoctlVCPUX86SetupMCE":            structOf[uint64](uapi.IoctlVCPUX86SetupMCE),
	"IoctlVCPUX86SetMCE":              structOf[uapi.X86MCE](uapi.IoctlVCPUX86SetMCE),
	"IoctlVCPUMemoryEncryptOp":        structOf[uintptr](uapi.IoctlVCPUMemoryEncryptOp),
	"IoctlVCPUGetNestedState":         structOf[uapi.NestedState](uapi.IoctlVCPUGetNestedState),
	"IoctlVCPUSetNestedState":         structOf[uapi.NestedState](uapi.IoctlVCPUSetNestedState),
	"IoctlVCPUXenVCPUGetAttr":         structOf[uapi.XenVCPUAttr](uapi.IoctlVCPUXenVCPUGetAttr),
	"IoctlVCPUXenVCPUSetAttr":         structOf[uapi.XenVCPUAttr](uapi.IoctlVCPUXenVCPUSetAttr),

	"IoctlDeviceSetDeviceAttr": structOf[uapi.DeviceAttr](uapi.IoctlDeviceSetDeviceAttr),
	"IoctlDeviceGetDeviceAttr": structOf[uapi.DeviceAttr](uapi.IoctlDeviceGetDeviceAttr),
	"IoctlDeviceHasDeviceAttr": structOf[uapi.DeviceAttr](uapi.IoctlDeviceHasDeviceAttr),

	"IoctlVCPURun":                 number(uapi.IoctlVCPURun),
	"IoctlVCPUGetRegs":             structOf[uapi.Regs](uapi.IoctlVCPUGetRegs),
	"IoctlVCPUSetRegs":             structOf[uapi.Regs](uapi.IoctlVCPUSetRegs),
	"IoctlVCPUGetSregs":            structOf[uapi.Sregs](uapi.IoctlVCPUGetSregs),
	"IoctlVCPUSetSregs":            structOf[uapi.Sregs](uapi.IoctlVCPUSetSregs),
	"IoctlVCPUGetSregs2":           structOf[uapi.Sregs2](uapi.IoctlVCPUGetSregs2),
	"IoctlVCPUSetSregs2":           structOf[uapi.Sregs2](uapi.IoctlVCPUSetSregs2),
	"IoctlVCPUGetFPU":              structOf[uapi.FPU](uapi.IoctlVCPUGetFPU),
	"IoctlVCPUSetFPU":              structOf[uapi.FPU](uapi.IoctlVCPUSetFPU),
	"IoctlVCPUGetXSAVE":            {uintptr(uapi.IoctlVCPUGetXSAVE), xsaveMin},
	"IoctlVCPUGetXSAVE2":           {uintptr(uapi.IoctlVCPUGetXSAVE2), xsaveMin},
	"IoctlVCPUSetXSAVE":            {uintptr(uapi.IoctlVCPUSetXSAVE), xsaveMin},
	"IoctlVCPUGetXCRs":             structOf[uapi.XCRs](uapi.IoctlVCPUGetXCRs),
	"IoctlVCPUSetXCRs":             structOf[uapi.XCRs](uapi.IoctlVCPUSetXCRs),
	"IoctlVCPUGetDebugRegs":        structOf[uapi.DebugRegs](uapi.IoctlVCPUGetDebugRegs),
	"IoctlVCPUSetDebugRegs":        structOf[uapi.DebugRegs](uapi.IoctlVCPUSetDebugRegs),
	"IoctlVCPUGetMSRs":             structOf[uapi.MSRs](uapi.IoctlVCPUGetMSRs),
	"IoctlVCPUSetMSRs":             structOf[uapi.MSRs](uapi.IoctlVCPUSetMSRs),
	"IoctlVCPUGetCPUID2":           structOf[uapi.CPUID2](uapi.IoctlVCPUGetCPUID2),
	"IoctlVCPUSetCPUID2":           structOf[uapi.CPUID2](uapi.IoctlVCPUSetCPUID2),
	"IoctlVCPUGetSupportedHVCPUID": structOf[uapi.CPUID2](uapi.IoctlVCPUGetSupportedHVCPUID),
	"IoctlVCPUGetLAPIC":            structOf[uapi.LAPICState](uapi.IoctlVCPUGetLAPIC),
	"IoctlVCPUSetLAPIC":            structOf[uapi.LAPICState](uapi.IoctlVCPUSetLAPIC),
	"IoctlVCPUGetMPState":          structOf[uapi.MPState](uapi.IoctlVCPUGetMPState),
	"IoctlVCPUSetMPState":          structOf[uapi.MPState](uapi.IoctlVCPUSetMPState),
	"IoctlVCPUGetVCPUEvents":       structOf[uapi.VCPUEvents](uapi.IoctlVCPUGetVCPUEvents),
	"IoctlVCPUSetVCPUEvents":       structOf[uapi.VCPUEvents](uapi.IoctlVCPUSetVCPUEvents),
	"IoctlVCPUGetTSCKHz":           number(uapi.IoctlVCPUGetTSCKHz),
	"IoctlVCPUSetTSCKHz":           number(uapi.IoctlVCPUSetTSCKHz),
	"IoctlVCPUGetOneReg":           structOf[uapi.OneReg](uapi.IoctlVCPUGetOneReg),
	"IoctlVCPUSetOneReg":           structOf[uapi.OneReg](uapi.IoctlVCPUSetOneReg),
	"IoctlVCPUGetRegList":          structOf[uapi.RegList](uapi.IoctlVCPUGetRegList),
	"IoctlVCPUSetGuestDebug":       structOf[uapi.GuestDebug](uapi.IoctlVCPUSetGuestDebug),
	"IoctlVCPUSetSignalMask":       structOf[uapi.SignalMask](uapi.IoctlVCPUSetSignalMask),
	"IoctlVCPUInterrupt":           structOf[uapi.Interrupt](uapi.IoctlVCPUInterrupt),
	"IoctlVCPUNMI":                 number(uapi.IoctlVCPUNMI),
	"IoctlVCPUSMI":                 number(uapi.IoctlVCPUSMI),
	"IoctlVCPUKVMClockCtrl":        number(uapi.IoctlVCPUKVMClockCtrl),
	"IoctlVCPUTranslate":           structOf[uapi.Translation](uapi.IoctlVCPUTranslate),
	"IoctlVCPUTPRAccessReporting":  structOf[uapi.TPRAccessCtl](uapi.IoctlVCPUTPRAccessReporting),
	"IoctlVCPUSetVAPICAddr":        structOf[uapi.VAPICAddr](uapi.IoctlVCPUSetVAPICAddr),
	"IoctlVCPUEnableCap":           structOf[uapi.EnableCap](uapi.IoctlVCPUEnableCap),
}

// What the package passes is as large as the number says that the kernel takes.
func TestRequestSizes(t *testing.T) {
	for name, row := range requests {
		const sizeShift, sizeMask = 16, 1<<14 - 1
		if size := row.number >> sizeShift & sizeMask; size != row.size {
			t.Errorf("%s: the number says %d bytes, the struct has %d", name, size, row.size)
		}
	}
}

// The table above has every request that the package uses.
func TestRequestTableIsComplete(t *testing.T) {
	if os.Getenv("KVM_TEST_LANE") != "" {
		t.Skip("needs the package's source, which the rig has not: run it in the source tree")
	}
	files, err := filepath.Glob("*.go")
	must(t, err)
	fset := token.NewFileSet()
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		must(t, err)
		file, err := parser.ParseFile(fset, name, text, 0)
		must(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok || !strings.HasPrefix(sel.Sel.Name, "Ioctl") {
				return true
			}
			pkg, ok := sel.X.(*ast.Ident)
			if _, listed := requests[sel.Sel.Name]; ok && pkg.Name == "uapi" && !listed {
				t.Errorf("%v: uapi.%s is not in the table of sizes", fset.Position(sel.Pos()), sel.Sel.Name)
			}
			return true
		})
	}
}
