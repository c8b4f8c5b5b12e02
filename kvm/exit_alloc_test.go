package kvm

import (
	"testing"

	"linuxkvm/uapi"
)

// took keeps the compiler from leaving out what is measured.
var took uint64

func keep[T any](T) { took++ }

// exitCalls reads an exit of each reason as a handler would, and answers it.
var exitCalls = map[uapi.ExitReason]func(Exit){
	uapi.ExitUnknown:   func(e Exit) { took += e.Unknown().HardwareReason },
	uapi.ExitException: func(e Exit) { took += uint64(e.Exception().Exception) },
	uapi.ExitIO: func(e Exit) {
		x := e.IO()
		var p [8]byte
		took += x.Access(0).Uint64() + uint64(x.Data().CopyTo(p[:])) + uint64(p[0])
		x.Access(0).SetUint64(1)
		x.Data().CopyFrom(p[:])
	},
	uapi.ExitHypercall:     func(e Exit) { took += e.Hypercall().Nr; e.Hypercall().SetReturn(1) },
	uapi.ExitDebug:         func(e Exit) { keep(e.Debug()) },
	uapi.ExitHLT:           func(e Exit) { keep(e.HLT()) },
	uapi.ExitMMIO:          func(e Exit) { took += e.MMIO().GPA + e.MMIO().Data().Uint64(); e.MMIO().Data().SetUint64(1) },
	uapi.ExitIRQWindowOpen: func(e Exit) { keep(e.IRQWindowOpen()) },
	uapi.ExitShutdown:      func(e Exit) { keep(e.Shutdown()) },
	uapi.ExitFailEntry:     func(e Exit) { took += e.FailEntry().HardwareReason },
	uapi.ExitIntr:          func(e Exit) { keep(e.Intr()) },
	uapi.ExitSetTPR:        func(e Exit) { took += e.SetTPR().CR8 },
	uapi.ExitTPRAccess:     func(e Exit) { took += e.TPRAccess().RIP },
	uapi.ExitS390SIEIC:     func(e Exit) { took += uint64(e.S390SIEIC().IPB) },
	uapi.ExitS390Reset:     func(e Exit) { took += e.S390Reset().Flags },
	uapi.ExitDCR:           func(e Exit) { took += uint64(e.DCR().Data); e.DCR().SetData(1) },
	uapi.ExitNMI:           func(e Exit) { keep(e.NMI()) },
	uapi.ExitInternalError: func(e Exit) { took += e.InternalError().Data[15] + e.EmulationFailure().Flags },
	uapi.ExitOSI: func(e Exit) {
		x := e.OSI()
		x.SetGPRs(&x.GPRs)
	},
	uapi.ExitPAPRHcall:     func(e Exit) { took += e.PAPRHcall().Nr; e.PAPRHcall().SetReturn(1, 2, 3) },
	uapi.ExitS390UControl:  func(e Exit) { took += e.S390UControl().TransExcCode },
	uapi.ExitWatchdog:      func(e Exit) { keep(e.Watchdog()) },
	uapi.ExitS390TSCH:      func(e Exit) { took += uint64(e.S390TSCH().IPB) },
	uapi.ExitEPR:           func(e Exit) { took += uint64(e.EPR().EPR); e.EPR().SetEPR(1) },
	uapi.ExitSystemEvent:   func(e Exit) { took += e.SystemEvent().Data[0] },
	uapi.ExitS390STSI:      func(e Exit) { took += e.S390STSI().Addr },
	uapi.ExitIOAPICEOI:     func(e Exit) { took += uint64(e.IOAPICEOI().Vector) },
	uapi.ExitHyperv:        func(e Exit) { h := e.Hyperv(); keep(h.SynIC()); keep(h.Syndbg()); h.Hcall().SetResult(1) },
	uapi.ExitArmNISV:       func(e Exit) { took += e.ArmNISV().IPA },
	uapi.ExitX86RDMSR:      func(e Exit) { took += e.X86RDMSR().Data; e.X86RDMSR().SetData(1); e.X86RDMSR().Fail() },
	uapi.ExitX86WRMSR:      func(e Exit) { took += e.X86WRMSR().Data; e.X86WRMSR().Fail() },
	uapi.ExitDirtyRingFull: func(e Exit) { keep(e.DirtyRingFull()) },
	uapi.ExitAPResetHold:   func(e Exit) { keep(e.APResetHold()) },
	uapi.ExitX86BusLock:    func(e Exit) { keep(e.X86BusLock()); took += uint64(e.Flags()) },
	uapi.ExitXen:           func(e Exit) { took += e.Xen().Input; e.Xen().SetResult(1) },
	uapi.ExitRISCVSBI:      func(e Exit) { took += e.RISCVSBI().FunctionID; e.RISCVSBI().SetReturn(0, 1) },
	uapi.ExitRISCVCSR:      func(e Exit) { took += e.RISCVCSR().CSR; e.RISCVCSR().SetReturn(1) },
	uapi.ExitNotify:        func(e Exit) { keep(e.Notify()) },
	uapi.ExitLoongarchIOCSR: func(e Exit) {
		took += e.LoongarchIOCSR().Addr
		e.LoongarchIOCSR().Data().SetUint64(1)
	},
	uapi.ExitMemoryFault: func(e Exit) { took += e.MemoryFault().GPA },
	uapi.ExitTDX: func(e Exit) {
		x := e.TDX()
		took += x.Unknown().Data[0] + x.GetQuote().GPA + x.GetTDVMCallInfo().Leaf + x.SetupEventNotify().Vector
		x.SetReturn(1)
		x.SetTDVMCallInfo(1, 2, 3, 4)
	},
	uapi.ExitArmSEA:      func(e Exit) { took += e.ArmSEA().GPA },
	uapi.ExitArmLDST64B:  func(e Exit) { took += e.ArmLDST64B().IPA },
	uapi.ExitSNPReqCerts: func(e Exit) { took += e.SNPReqCerts().GPA; e.SNPReqCerts().SetReturn(1); e.SNPReqCerts().SetPages(1) },
}

func TestExitsAllocateNothing(t *testing.T) {
	c := fakeVCPU(t)
	for r := range uapi.ExitReasons() {
		use := exitCalls[r]
		if use == nil {
			t.Errorf("no allocation test for %v", r)
			continue
		}
		c.fill(1)
		e := c.exitWith(r)
		if n := testing.AllocsPerRun(20, func() { use(e); took += e.Raw()[0] }); n != 0 {
			t.Errorf("%v: %v allocations, want 0", r, n)
		}
	}
}

// BenchmarkExitAccess is what a handler pays for looking at an exit.
func BenchmarkExitAccess(b *testing.B) {
	c := fakeVCPU(b)
	c.page.IO().Size, c.page.IO().Count, c.page.IO().DataOffset = 1, 1, 0x1000
	e := c.exitWith(uapi.ExitIO)
	for b.Loop() {
		x := e.IO()
		took += uint64(x.Port) + x.Data().Uint64()
	}
}
