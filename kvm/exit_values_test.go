package kvm

import (
	"encoding/binary"
	"reflect"
	"testing"

	"linuxkvm/uapi"
)

// put is a number at an offset of the union, as struct kvm_run in linux/kvm.h has
// it. The offsets are written out here so that the test does not go through the
// same structs as the code.
type put struct {
	off, size int
	v         uint64
}

func (c *vcpuCore) put(p put) {
	at := c.run.Bytes()[int(offsetUnion)+p.off:]
	switch p.size {
	case 1:
		at[0] = byte(p.v)
	case 2:
		binary.NativeEndian.PutUint16(at, uint16(p.v))
	case 4:
		binary.NativeEndian.PutUint32(at, uint32(p.v))
	case 8:
		binary.NativeEndian.PutUint64(at, p.v)
	}
}

func (c *vcpuCore) get(off, size int) uint64 {
	at := c.run.Bytes()[int(offsetUnion)+off:]
	switch size {
	case 1:
		return uint64(at[0])
	case 4:
		return uint64(binary.NativeEndian.Uint32(at))
	default:
		return binary.NativeEndian.Uint64(at)
	}
}

const big = 0x1122334455667788

// words are numbers of 8 bytes from an offset on: first, first+1, ...
func words(off, n int, first uint64) []put {
	var list []put
	for i := range n {
		list = append(list, put{off + 8*i, 8, first + uint64(i)})
	}
	return list
}

func with(list []put, more ...put) []put { return append(list, more...) }

// valueCases are the reasons that have details but owe no answer.
var valueCases = []struct {
	reason uapi.ExitReason
	set    []put
	get    func(Exit) any
	want   any
}{
	{uapi.ExitUnknown, []put{{0, 8, big}}, func(e Exit) any { return e.Unknown() }, UnknownExit{big}},
	{uapi.ExitException, []put{{0, 4, 13}, {4, 4, 7}}, func(e Exit) any { return e.Exception() }, ExceptionExit{13, 7}},
	{uapi.ExitFailEntry, []put{{0, 8, big}, {8, 4, 3}}, func(e Exit) any { return e.FailEntry() }, FailEntryExit{big, 3}},
	{
		uapi.ExitInternalError, with(words(8, 16, 100), put{0, 4, 3}, put{4, 4, 9}),
		func(e Exit) any { return e.InternalError() },
		InternalErrorExit{3, 9, [16]uint64{100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111, 112, 113, 114, 115}},
	},
	{uapi.ExitInternalError, []put{{4, 4, 1 << 31}}, func(e Exit) any { return e.InternalError().NData }, uint32(16)},
	{
		uapi.ExitInternalError, []put{{0, 4, 1}, {4, 4, 3}, {8, 8, 1}, {16, 1, 2}, {17, 1, 0x0f}, {18, 1, 0x0b}},
		func(e Exit) any { return e.EmulationFailure() }, EmulationFailure{1, [15]byte{0x0f, 0x0b}, 2},
	},
	{uapi.ExitInternalError, []put{{0, 4, 1}, {4, 4, 3}, {8, 8, 1}, {16, 1, 200}}, func(e Exit) any { return e.EmulationFailure().InstructionBytes }, uint8(15)},
	{uapi.ExitInternalError, []put{{0, 4, 1}, {4, 4, 3}, {8, 8, 0}, {16, 1, 2}}, func(e Exit) any { return e.EmulationFailure().InstructionBytes }, uint8(0)},
	{uapi.ExitInternalError, []put{{0, 4, 1}, {4, 4, 0}, {8, 8, 1}, {16, 1, 2}}, func(e Exit) any { return e.EmulationFailure() }, EmulationFailure{}},
	{uapi.ExitInternalError, []put{{0, 4, 2}, {4, 4, 3}, {8, 8, 1}, {16, 1, 2}}, func(e Exit) any { return e.EmulationFailure() }, EmulationFailure{}},
	{
		uapi.ExitSystemEvent, with(words(8, 16, 7), put{0, 4, 2}, put{4, 4, 1}),
		func(e Exit) any {
			s := e.SystemEvent()
			return []uint64{uint64(s.Type), uint64(s.NData), s.Data[0], s.Data[15]}
		},
		[]uint64{uapi.SystemEventReset, 1, 7, 22},
	},
	{uapi.ExitSystemEvent, []put{{4, 4, 17}}, func(e Exit) any { return e.SystemEvent().NData }, uint32(16)},
	{uapi.ExitMemoryFault, words(0, 3, 8), func(e Exit) any { return e.MemoryFault() }, MemoryFaultExit{8, 9, 10}},
	{uapi.ExitMemoryFault, []put{{0, 8, 8}}, func(e Exit) any { return e.MemoryFault().Private() }, true},
	{uapi.ExitMemoryFault, []put{{0, 8, 4}}, func(e Exit) any { return e.MemoryFault().Private() }, false},
	{uapi.ExitTPRAccess, []put{{0, 8, big}, {8, 4, 1}}, func(e Exit) any { return e.TPRAccess() }, TPRAccessExit{big, true}},
	{uapi.ExitIOAPICEOI, []put{{0, 1, 0x42}}, func(e Exit) any { return e.IOAPICEOI() }, IOAPICEOIExit{0x42}},
	{uapi.ExitNotify, []put{{0, 4, 1}}, func(e Exit) any { return e.Notify() }, NotifyExit{1}},
	{uapi.ExitNotify, []put{{0, 4, 1}}, func(e Exit) any { return e.Notify().ContextInvalid() }, true},
	{uapi.ExitS390SIEIC, []put{{0, 1, 4}, {2, 2, 0xb233}, {4, 4, 5}}, func(e Exit) any { return e.S390SIEIC() }, S390SIEICExit{4, 0xb233, 5}},
	{uapi.ExitS390Reset, []put{{0, 8, 17}}, func(e Exit) any { return e.S390Reset() }, S390ResetExit{17}},
	{uapi.ExitS390UControl, []put{{0, 8, big}, {8, 4, 0x10}}, func(e Exit) any { return e.S390UControl() }, S390UControlExit{big, 0x10}},
	{
		uapi.ExitS390TSCH, []put{{0, 2, 1}, {2, 2, 2}, {4, 4, 3}, {8, 4, 4}, {12, 4, 5}, {16, 1, 1}},
		func(e Exit) any { return e.S390TSCH() }, S390TSCHExit{1, 2, 3, 4, 5, true},
	},
	{
		uapi.ExitS390STSI, []put{{0, 8, big}, {8, 1, 1}, {10, 1, 2}, {11, 1, 3}, {12, 2, 4}},
		func(e Exit) any { return e.S390STSI() }, S390STSIExit{big, 1, 2, 3, 4},
	},
	{uapi.ExitArmNISV, words(0, 2, 50), func(e Exit) any { return e.ArmNISV() }, ArmAbortExit{50, 51}},
	{uapi.ExitArmLDST64B, words(0, 2, 60), func(e Exit) any { return e.ArmLDST64B() }, ArmAbortExit{60, 61}},
	{uapi.ExitArmSEA, words(0, 4, 70), func(e Exit) any { return e.ArmSEA() }, ArmSEAExit{70, 71, 72, 73}},
	{
		uapi.ExitHyperv, []put{{0, 4, 1}, {8, 4, 0x40000080}, {16, 8, 1}, {24, 8, 2}, {32, 8, 3}},
		func(e Exit) any { return e.Hyperv().SynIC() }, HypervSynIC{0x40000080, 1, 2, 3},
	},
	{uapi.ExitHyperv, []put{{0, 4, 2}, {8, 8, 5}}, func(e Exit) any { return e.Hyperv().SynIC() }, HypervSynIC{}},
	{uapi.ExitHyperv, []put{{0, 4, 2}, {8, 8, 5}}, func(e Exit) any { return e.Hyperv().Syndbg() }, HypervSyndbg{}},
	{uapi.ExitHyperv, []put{{0, 4, 1}, {8, 8, 5}}, func(e Exit) any { return e.Hyperv().Hcall() }, HypervHcall{}},
	{uapi.ExitTDX, words(0, 8, 30), func(e Exit) any { return e.TDX().Unknown() }, TDXUnknown{[5]uint64{33, 34, 35, 36, 37}}},
	{uapi.ExitTDX, words(0, 8, 30), func(e Exit) any { return e.TDX().GetQuote() }, TDXGetQuote{33, 34}},
	{uapi.ExitTDX, words(0, 8, 30), func(e Exit) any { return e.TDX().GetTDVMCallInfo() }, TDXGetTDVMCallInfo{33}},
	{uapi.ExitTDX, words(0, 8, 30), func(e Exit) any { return e.TDX().SetupEventNotify() }, TDXSetupEventNotify{33}},
	{uapi.ExitXen, []put{{0, 4, 9}, {8, 8, 9}}, func(e Exit) any { x := e.Xen(); x.exit = Exit{}; return x }, XenExit{Type: 9}},
}

func TestExitValues(t *testing.T) {
	c := fakeVCPU(t)
	for _, tc := range valueCases {
		c.fill(0)
		for _, p := range tc.set {
			c.put(p)
		}
		if got := tc.get(c.exitWith(tc.reason)); !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%v with %v: got %+v, want %+v", tc.reason, tc.set, got, tc.want)
		}
	}
}

func TestExitsWithoutDetails(t *testing.T) {
	c := fakeVCPU(t)
	for reason, is := range map[uapi.ExitReason]func(Exit) bool{
		uapi.ExitHLT: Exit.HLT, uapi.ExitShutdown: Exit.Shutdown, uapi.ExitIntr: Exit.Intr, uapi.ExitNMI: Exit.NMI,
		uapi.ExitIRQWindowOpen: Exit.IRQWindowOpen, uapi.ExitDirtyRingFull: Exit.DirtyRingFull,
		uapi.ExitWatchdog: Exit.Watchdog, uapi.ExitX86BusLock: Exit.X86BusLock, uapi.ExitAPResetHold: Exit.APResetHold,
	} {
		if !is(c.exitWith(reason)) {
			t.Errorf("%v does not say that it is one", reason)
		}
		if is(c.exitWith(reason + 1)) {
			t.Errorf("%v passes for %v", reason+1, reason)
		}
	}
}

func TestSetTPRAndDebugExits(t *testing.T) {
	c := fakeVCPU(t)
	c.page.CR8 = 7
	if got := c.exitWith(uapi.ExitSetTPR).SetTPR().CR8; got != 7 {
		t.Errorf("CR8 = %d, want 7", got)
	}
	c.page.Flags = 3
	if got := c.exitWith(uapi.ExitX86BusLock).Flags(); got != 3 {
		t.Errorf("Flags = %d, want 3", got)
	}
	c.fill(0x5a)
	want := *c.page.Debug()
	if got := c.exitWith(uapi.ExitDebug).Debug(); got.Arch != want.Arch {
		t.Errorf("Debug = %+v, want %+v", got.Arch, want.Arch)
	}
}

// answerCases are the reasons that wait for an answer: where it ends up.
var answerCases = []struct {
	reason uapi.ExitReason
	set    []put
	do     func(*testing.T, Exit)
	want   []put
}{
	{
		uapi.ExitHypercall, words(0, 7, 20), func(t *testing.T, e Exit) {
			x := e.Hypercall()
			if x.Nr != 20 || x.Args != [6]uint64{21, 22, 23, 24, 25, 26} {
				t.Errorf("Hypercall = %+v", x)
			}
			x.SetReturn(big)
		}, []put{{56, 8, big}, {0, 8, 20}},
	},
	{
		uapi.ExitX86RDMSR, []put{{0, 1, 1}, {8, 4, 2}, {12, 4, 0x10a}, {16, 8, 99}}, func(t *testing.T, e Exit) {
			x := e.X86RDMSR()
			if x.Index != 0x10a || x.Reason != 2 || x.Data != 0 {
				t.Errorf("X86RDMSR = %+v", x)
			}
			x.SetData(big)
		}, []put{{16, 8, big}, {0, 1, 0}},
	},
	{
		uapi.ExitX86RDMSR, nil, func(t *testing.T, e Exit) { e.X86RDMSR().Fail() }, []put{{0, 1, 1}},
	},
	{
		uapi.ExitX86WRMSR, []put{{12, 4, 0x10a}, {16, 8, 99}}, func(t *testing.T, e Exit) {
			x := e.X86WRMSR()
			if x.Index != 0x10a || x.Data != 99 {
				t.Errorf("X86WRMSR = %+v", x)
			}
			x.SetData(big) // nobody waits for that
			x.Fail()
		}, []put{{0, 1, 1}, {16, 8, 99}},
	},
	{
		uapi.ExitXen, with(words(16, 8, 40), put{0, 4, 1}, put{8, 4, 1}, put{12, 4, 3}), func(t *testing.T, e Exit) {
			x := e.Xen()
			if x.Type != 1 || !x.LongMode || x.CPL != 3 || x.Input != 40 || x.Params != [6]uint64{42, 43, 44, 45, 46, 47} {
				t.Errorf("Xen = %+v", x)
			}
			x.SetResult(big)
		}, []put{{24, 8, big}, {16, 8, 40}},
	},
	{
		uapi.ExitHyperv, []put{{0, 4, 2}, {8, 8, 3}, {24, 8, 4}, {32, 8, 5}}, func(t *testing.T, e Exit) {
			x := e.Hyperv().Hcall()
			if x.Input != 3 || x.Params != [2]uint64{4, 5} {
				t.Errorf("Hyperv().Hcall() = %+v", x)
			}
			x.SetResult(big)
		}, []put{{16, 8, big}},
	},
	{
		uapi.ExitHyperv, []put{{0, 4, 3}, {8, 4, 9}, {16, 8, 1}, {24, 8, 2}, {32, 8, 3}, {40, 8, 4}, {48, 8, 5}}, func(t *testing.T, e Exit) {
			x := e.Hyperv().Syndbg()
			if x.MSR != 9 || x.Control != 1 || x.SendPage != 3 || x.RecvPage != 4 || x.PendingPage != 5 {
				t.Errorf("Hyperv().Syndbg() = %+v", x)
			}
			x.SetStatus(big)
		}, []put{{24, 8, big}},
	},
	{
		uapi.ExitTDX, words(0, 8, 30), func(t *testing.T, e Exit) {
			if x := e.TDX(); x.Flags != 30 || x.Nr != 31 {
				t.Errorf("TDX = %+v", x)
			}
			e.TDX().SetReturn(big)
			e.TDX().SetTDVMCallInfo(1, 2, 3, 4)
		}, []put{{16, 8, big}, {24, 8, 33}, {32, 8, 1}, {40, 8, 2}, {48, 8, 3}, {56, 8, 4}},
	},
	{
		uapi.ExitSNPReqCerts, words(0, 3, 80), func(t *testing.T, e Exit) {
			x := e.SNPReqCerts()
			if x.GPA != 80 || x.NPages != 81 {
				t.Errorf("SNPReqCerts = %+v", x)
			}
			x.SetReturn(28)
			x.SetPages(5)
		}, []put{{8, 8, 5}, {16, 8, 28}},
	},
	{
		uapi.ExitRISCVSBI, words(0, 8, 10), func(t *testing.T, e Exit) {
			x := e.RISCVSBI()
			if x.ExtensionID != 10 || x.FunctionID != 11 || x.Args != [6]uint64{12, 13, 14, 15, 16, 17} {
				t.Errorf("RISCVSBI = %+v", x)
			}
			x.SetReturn(-2, big)
		}, []put{{64, 8, ^uint64(1)}, {72, 8, big}},
	},
	{
		uapi.ExitRISCVCSR, words(0, 3, 10), func(t *testing.T, e Exit) {
			x := e.RISCVCSR()
			if x.CSR != 10 || x.NewValue != 11 || x.WriteMask != 12 {
				t.Errorf("RISCVCSR = %+v", x)
			}
			x.SetReturn(big)
		}, []put{{24, 8, big}},
	},
	{
		uapi.ExitDCR, []put{{0, 4, 5}, {4, 4, 6}, {8, 1, 0}}, func(t *testing.T, e Exit) {
			x := e.DCR()
			if x.DCRN != 5 || x.Data != 6 || x.Write {
				t.Errorf("DCR = %+v", x)
			}
			x.SetData(77)
		}, []put{{4, 4, 77}},
	},
	{
		uapi.ExitOSI, words(0, 32, 1), func(t *testing.T, e Exit) {
			gprs := e.OSI().GPRs
			if gprs[0] != 1 || gprs[31] != 32 {
				t.Errorf("OSI = %v", gprs)
			}
			gprs[31] = big
			e.OSI().SetGPRs(&gprs)
		}, []put{{0, 8, 1}, {248, 8, big}},
	},
	{
		uapi.ExitPAPRHcall, words(0, 11, 1), func(t *testing.T, e Exit) {
			x := e.PAPRHcall()
			if x.Nr != 1 || x.Args != [9]uint64{3, 4, 5, 6, 7, 8, 9, 10, 11} {
				t.Errorf("PAPRHcall = %+v", x)
			}
			x.SetReturn(big, 70, 71)
		}, []put{{8, 8, big}, {16, 8, 70}, {24, 8, 71}, {32, 8, 5}},
	},
	{
		uapi.ExitEPR, []put{{0, 4, 5}}, func(t *testing.T, e Exit) {
			if x := e.EPR(); x.EPR != 5 {
				t.Errorf("EPR = %+v", x)
			}
			e.EPR().SetEPR(6)
		}, []put{{0, 4, 6}},
	},
}

func TestExitAnswers(t *testing.T) {
	c := fakeVCPU(t)
	for _, tc := range answerCases {
		c.fill(0)
		for _, p := range tc.set {
			c.put(p)
		}
		tc.do(t, c.exitWith(tc.reason))
		for _, p := range tc.want {
			if got := c.get(p.off, p.size); got != p.v {
				t.Errorf("%v: %d bytes at offset %d of the union are %#x, want %#x", tc.reason, p.size, p.off, got, p.v)
			}
		}
	}
}
