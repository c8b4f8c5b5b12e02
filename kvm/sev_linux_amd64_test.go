package kvm

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"linuxkvm/memory"
	"linuxkvm/uapi"
)

// SEV needs an EPYC with its firmware, which neither this host nor the rig has.
// What is sent to the kernel is looked at instead, and that a host without it says
// so.

// at is the memory of a scratch at an address, or nil.
func (s *scratch) at(addr, n uint64) []byte {
	for _, g := range s.parts {
		if off := addr - g.Addr(); addr >= g.Addr() && off+n <= uint64(len(g.Bytes())) {
			return g.Bytes()[off : off+n]
		}
	}
	return nil
}

// sevArg is a copy of the arguments of a command, and setSEVArg answers in them.
func sevArg[T any](cmd *uapi.SEVCmd, mem *scratch) (arg T) {
	b := structBytes(&arg)
	copy(b, mem.at(cmd.Data, uint64(len(b))))
	return arg
}

func setSEVArg[T any](cmd *uapi.SEVCmd, mem *scratch, arg T) {
	b := structBytes(&arg)
	copy(mem.at(cmd.Data, uint64(len(b))), b)
}

// sevLog stands for the kernel: it notes commands and has answers.
type sevLog struct {
	cmds   []uapi.SEVCmd
	answer func(cmd *uapi.SEVCmd, mem *scratch) error
}

func (l *sevLog) sev(device *os.File) *SEV {
	return &SEV{device: device, issue: func(cmd *uapi.SEVCmd, mem *scratch) error {
		l.cmds = append(l.cmds, *cmd)
		if l.answer == nil {
			return nil
		}
		return l.answer(cmd, mem)
	}}
}

// expect makes the log want one command with the arguments want.
func expect[T comparable](t *testing.T, want T) *sevLog {
	return &sevLog{answer: func(cmd *uapi.SEVCmd, mem *scratch) error {
		t.Helper()
		if got := sevArg[T](cmd, mem); got != want {
			t.Errorf("%v has the arguments %+v, want %+v", sevCommand(cmd.ID), got, want)
		}
		return nil
	}}
}

// failedFirmware is what the kernel says when the firmware refuses.
func failedFirmware(cmd *uapi.SEVCmd, status uint32) error {
	cmd.Error = status
	return &Error{Op: "KVM_MEMORY_ENCRYPT_OP", Errno: syscall.EIO}
}

const invalidLength = 4

// allSEV calls every command with arguments that are right.
func allSEV(s *SEV, guest MemoryRange) map[string]error {
	blob := []byte{1, 2, 3}
	page := guest
	page.Size = pageSize()
	_, start := s.LaunchStart(SEVLaunchStart{})
	_, measure := s.LaunchMeasure()
	_, report := s.AttestationReport([16]byte{1})
	_, plain := s.DbgDecrypt(guest)
	_, _, send := s.SendStart(SEVSendStart{blob, blob, blob})
	_, _, update := s.SendUpdateData(page)
	_, receive := s.ReceiveStart(SEVReceiveStart{PDHCert: blob, Session: blob})
	_, status := s.GuestStatus()
	return map[string]error{
		"KVM_SEV_INIT": s.Init(), "KVM_SEV_ES_INIT": s.ESInit(), "KVM_SEV_INIT2": s.Init2(0, 0),
		"KVM_SEV_LAUNCH_START": start, "KVM_SEV_LAUNCH_UPDATE_DATA": s.LaunchUpdateData(guest),
		"KVM_SEV_LAUNCH_UPDATE_VMSA": s.LaunchUpdateVMSA(), "KVM_SEV_LAUNCH_MEASURE": measure,
		"KVM_SEV_LAUNCH_SECRET": s.LaunchSecret(blob, blob, page), "KVM_SEV_LAUNCH_FINISH": s.LaunchFinish(),
		"KVM_SEV_GUEST_STATUS": status, "KVM_SEV_GET_ATTESTATION_REPORT": report,
		"KVM_SEV_DBG_DECRYPT": plain, "KVM_SEV_DBG_ENCRYPT": s.DbgEncrypt(page, make([]byte, pageSize())),
		"KVM_SEV_SEND_START": send, "KVM_SEV_SEND_UPDATE_DATA": update, "KVM_SEV_SEND_FINISH": s.SendFinish(),
		"KVM_SEV_SEND_CANCEL": s.SendCancel(), "KVM_SEV_RECEIVE_START": receive,
		"KVM_SEV_RECEIVE_UPDATE_DATA": s.ReceiveUpdateData(blob, blob, page), "KVM_SEV_RECEIVE_FINISH": s.ReceiveFinish(),
		"KVM_SEV_SNP_LAUNCH_START":     s.SNPLaunchStart(1<<17, [16]byte{}),
		"KVM_SEV_SNP_LAUNCH_UPDATE":    s.SNPLaunchUpdate(0, uapi.SEVSNPPageTypeNormal, guest),
		"KVM_SEV_SNP_LAUNCH_FINISH":    s.SNPLaunchFinish(SNPLaunchFinish{}),
		"KVM_SEV_SNP_ENABLE_REQ_CERTS": s.SNPEnableReqCerts(),
	}
}

// A host without SEV says so, whatever the command.
func TestSEVUnsupported(t *testing.T) {
	vm := newTestVM(t)
	enabled, err := vm.SEVEnabled()
	must(t, err)
	if enabled {
		t.Skip("is about a KVM without SEV, and this host's has it")
	}
	errs := allSEV(vm.SEV(nil), MemoryRange{Region: newTestRegion(t, 0x4000)})
	if len(errs) != len(sevCommands) {
		t.Errorf("%d commands were tried, there are %d", len(errs), len(sevCommands))
	}
	for name, err := range errs {
		t.Run(name, func(t *testing.T) {
			wantError(t, err, ErrNotSupported, name, "SEV", "Init2")
			wantError(t, err, syscall.ENOTTY)
			var e *SEVError
			if !errors.As(err, &e) || e.Command != name || e.Firmware != 0 {
				t.Errorf("got %#v", err)
			}
		})
	}
	// newTestRegion looks whether the memory is let go.
}

func TestSEVClosed(t *testing.T) {
	vm := newTestVM(t)
	must(t, vm.Close())
	_, err := vm.SEVEnabled()
	wantError(t, err, ErrClosed)
	for name, err := range allSEV(vm.SEV(nil), MemoryRange{Region: newTestRegion(t, 0x4000)}) {
		t.Run(name, func(t *testing.T) { wantError(t, err, ErrClosed) })
	}
	device, err := os.Create(filepath.Join(t.TempDir(), "sev"))
	must(t, err)
	must(t, device.Close())
	wantError(t, newTestVM(t).SEV(device).LaunchFinish(), ErrClosed, "KVM_SEV_LAUNCH_FINISH")
}

func TestSEVWrong(t *testing.T) {
	var log sevLog
	s := log.sev(nil)
	r := newTestRegion(t, 0x4000)
	page := MemoryRange{Region: r, Size: 0x1000}
	blob, large := []byte{1}, make([]byte, sevBlobMax+1)
	start := func(c SEVLaunchStart) error { _, err := s.LaunchStart(c); return err }
	send := func(c SEVSendStart) error { _, _, err := s.SendStart(c); return err }
	update := func(m MemoryRange) error { _, _, err := s.SendUpdateData(m); return err }
	receive := func(c SEVReceiveStart) error { _, err := s.ReceiveStart(c); return err }
	decrypt := func(m MemoryRange) error { _, err := s.DbgDecrypt(m); return err }
	for name, err := range map[string]error{
		"launch key too large":     start(SEVLaunchStart{DHCert: large}),
		"launch session too large": start(SEVLaunchStart{Session: large}),
		"update nothing":           s.LaunchUpdateData(MemoryRange{}),
		"update misaligned":        s.LaunchUpdateData(MemoryRange{Region: r, Offset: 8, Size: 16}),
		"update odd size":          s.LaunchUpdateData(MemoryRange{Region: r, Size: 8}),
		"update outside":           s.LaunchUpdateData(MemoryRange{Region: r, Offset: 0x3000, Size: 0x2000}),
		"update huge":              s.LaunchUpdateData(MemoryRange{Region: r, Offset: 16, Size: math.MaxUint64 - 15}),
		"secret without header":    s.LaunchSecret(nil, blob, page),
		"secret without data":      s.LaunchSecret(blob, nil, page),
		"secret too large":         s.LaunchSecret(blob, large, page),
		"secret to nothing":        s.LaunchSecret(blob, blob, MemoryRange{}),
		"decrypt nothing":          decrypt(MemoryRange{}),
		"encrypt nothing":          s.DbgEncrypt(MemoryRange{}, blob),
		"encrypt another size":     s.DbgEncrypt(page, blob),
		"send without certs":       send(SEVSendStart{}),
		"send cert too large":      send(SEVSendStart{large, blob, blob}),
		"send across pages":        update(MemoryRange{Region: r, Offset: 0xff0, Size: 0x20}),
		"send more than a page":    update(MemoryRange{Region: r}),
		"receive without session":  receive(SEVReceiveStart{PDHCert: blob}),
		"receive too large":        receive(SEVReceiveStart{PDHCert: blob, Session: large}),
		"receive nothing":          s.ReceiveUpdateData(nil, nil, page),
		"SNP misaligned":           s.SNPLaunchUpdate(0, 1, MemoryRange{Region: r, Offset: 16, Size: 0x1000}),
		"SNP nothing":              s.SNPLaunchUpdate(0, 1, MemoryRange{}),
		"SNP zero pages, none":     s.SNPLaunchUpdate(0, uapi.SEVSNPPageTypeZero, MemoryRange{}),
		"SNP zero pages, odd":      s.SNPLaunchUpdate(0, uapi.SEVSNPPageTypeZero, MemoryRange{Size: 1}),
		"SNP wraps":                s.SNPLaunchUpdate(math.MaxUint64, 1, page),
		"SNP id block short":       s.SNPLaunchFinish(SNPLaunchFinish{IDBlock: blob, IDAuth: make([]byte, 4096)}),
		"SNP id block alone":       s.SNPLaunchFinish(SNPLaunchFinish{IDBlock: make([]byte, 96)}),
		"SNP key alone":            s.SNPLaunchFinish(SNPLaunchFinish{AuthKey: true}),
	} {
		t.Run(name, func(t *testing.T) { wantError(t, err, ErrInvalid) })
	}
	if len(log.cmds) != 0 {
		t.Errorf("the kernel was asked: %+v", log.cmds)
	}
}

func TestSEVCommandNames(t *testing.T) {
	for id := range sevCommand(uapi.SEVCmdNrMax) {
		name := id.String()
		missing := id == uapi.SEVCmdCertExport || id == uapi.SEVCmdSendUpdateVMSA || id == uapi.SEVCmdReceiveUpdateVMSA
		known := id <= uapi.SEVCmdInit2 || id >= uapi.SEVCmdSNPLaunchStart
		if has := strings.HasPrefix(name, "KVM_SEV_"); has != (known && !missing) {
			t.Errorf("command %d is called %q", uint32(id), name)
		}
	}
}

func TestSEVErrors(t *testing.T) {
	log := sevLog{answer: func(cmd *uapi.SEVCmd, _ *scratch) error { return failedFirmware(cmd, 7) }}
	err := log.sev(nil).LaunchFinish()
	wantError(t, err, syscall.EIO, "KVM_SEV_LAUNCH_FINISH", "0x7", "POLICY_FAILURE")
	var e *SEVError
	if !errors.As(err, &e) || e.Firmware != 7 || errors.Is(err, ErrNotSupported) {
		t.Errorf("got %#v", err)
	}
	for status, word := range map[uint32]string{SEVNoFirmwareCall: "not asked", 0x999: "does not know"} {
		log.answer = func(cmd *uapi.SEVCmd, _ *scratch) error { return failedFirmware(cmd, status) }
		wantError(t, log.sev(nil).LaunchFinish(), syscall.EIO, word)
	}
	log.answer = func(*uapi.SEVCmd, *scratch) error { return &Error{Errno: syscall.EBADF} }
	wantError(t, log.sev(nil).LaunchFinish(), syscall.EBADF, "/dev/sev")
}

// The command holds the number of /dev/sev, or one that no file has.
func TestSEVDevice(t *testing.T) {
	device, err := os.Create(filepath.Join(t.TempDir(), "sev"))
	must(t, err)
	defer device.Close()
	var log sevLog
	must(t, log.sev(device).LaunchFinish())
	must(t, log.sev(nil).LaunchFinish())
	want := []uapi.SEVCmd{
		{ID: uapi.SEVCmdLaunchFinish, SEVFD: uint32(device.Fd())},
		{ID: uapi.SEVCmdLaunchFinish, SEVFD: math.MaxUint32},
	}
	if len(log.cmds) != 2 || log.cmds[0] != want[0] || log.cmds[1] != want[1] {
		t.Errorf("commands %+v, want %+v", log.cmds, want)
	}
}

// Every command has its own id.
func TestSEVIDs(t *testing.T) {
	log := sevLog{answer: func(cmd *uapi.SEVCmd, _ *scratch) error { return failedFirmware(cmd, 1) }}
	for name, err := range allSEV(log.sev(nil), MemoryRange{Region: newTestRegion(t, 0x4000)}) {
		wantError(t, err, syscall.EIO, name)
	}
	asked := map[sevCommand]int{}
	for _, cmd := range log.cmds {
		asked[sevCommand(cmd.ID)]++
	}
	for id := range sevCommands {
		if asked[id] != 1 {
			t.Errorf("%v was asked %d times, want once", id, asked[id])
		}
	}
}

func TestSEVInit2Encoding(t *testing.T) {
	must(t, expect(t, uapi.SEVInit{VMSAFeatures: 0x20, GHCBVersion: 2}).sev(nil).Init2(0x20, 2))
}

// wantBlob looks at what the kernel would read at an address.
func wantBlob(t *testing.T, mem *scratch, addr uint64, n uint32, want string) {
	t.Helper()
	if got := mem.at(addr, uint64(n)); string(got) != want || (want == "") != (addr == 0) {
		t.Errorf("at %#x are %q, want %q", addr, got, want)
	}
}

func TestSEVLaunchStart(t *testing.T) {
	log := sevLog{answer: func(cmd *uapi.SEVCmd, mem *scratch) error {
		a := sevArg[uapi.SEVLaunchStart](cmd, mem)
		if a.Handle != 1 || a.Policy != 2 {
			t.Errorf("arguments %+v", a)
		}
		wantBlob(t, mem, a.DhUaddr, a.DhLen, "key")
		wantBlob(t, mem, a.SessionUaddr, a.SessionLen, "session")
		a.Handle = 9
		setSEVArg(cmd, mem, a)
		return nil
	}}
	handle, err := log.sev(nil).LaunchStart(SEVLaunchStart{Handle: 1, Policy: 2, DHCert: []byte("key"), Session: []byte("session")})
	if err != nil || handle != 9 {
		t.Errorf("handle %d, %v; want 9", handle, err)
	}
	_, err = expect(t, uapi.SEVLaunchStart{Policy: 1}).sev(nil).LaunchStart(SEVLaunchStart{Policy: 1})
	must(t, err)
}

func TestSEVLaunchUpdateData(t *testing.T) {
	r := newTestRegion(t, 0x4000)
	base := uint64(r.Addr())
	must(t, expect(t, uapi.SEVLaunchUpdateData{Uaddr: base + 0x1010, Len: 0x20}).sev(nil).LaunchUpdateData(MemoryRange{Region: r, Offset: 0x1010, Size: 0x20}))
	must(t, expect(t, uapi.SEVLaunchUpdateData{Uaddr: base, Len: 0x4000}).sev(nil).LaunchUpdateData(MemoryRange{Region: r}))

	// More than the kernel's length can say goes in pieces.
	large, err := memory.New(3 << 30)
	must(t, err)
	defer large.Close()
	at := uint64(large.Addr())
	log := sevLog{answer: func(cmd *uapi.SEVCmd, mem *scratch) error {
		a := sevArg[uapi.SEVLaunchUpdateData](cmd, mem)
		if a.Uaddr != at {
			t.Errorf("a piece at %#x, want %#x", a.Uaddr, at)
		}
		wantError(t, large.Close(), ErrInUse)
		at += uint64(a.Len)
		return nil
	}}
	must(t, log.sev(nil).LaunchUpdateData(MemoryRange{Region: large, Size: 3<<30 - 16}))
	if at != uint64(large.Addr())+3<<30-16 || len(log.cmds) != 3 {
		t.Errorf("%d pieces up to %#x", len(log.cmds), at)
	}
}

// What has a length of its own is asked for it first.
func TestSEVSized(t *testing.T) {
	log := sevLog{answer: func(cmd *uapi.SEVCmd, mem *scratch) error {
		a := sevArg[uapi.SEVLaunchMeasure](cmd, mem)
		if a.Len == 0 {
			a.Len = 48
			setSEVArg(cmd, mem, a)
			return failedFirmware(cmd, invalidLength)
		}
		copy(mem.at(a.Uaddr, uint64(a.Len)), bytes.Repeat([]byte{7}, 48))
		a.Len = 40 // it may be less after all
		setSEVArg(cmd, mem, a)
		return nil
	}}
	got, err := log.sev(nil).LaunchMeasure()
	if err != nil || !bytes.Equal(got, bytes.Repeat([]byte{7}, 40)) {
		t.Errorf("measurement %v, %v", got, err)
	}
	nonce := [16]byte{5: 6}
	log.answer = func(cmd *uapi.SEVCmd, mem *scratch) error {
		a := sevArg[uapi.SEVAttestationReport](cmd, mem)
		if a.Mnonce != nonce {
			t.Errorf("nonce %v", a.Mnonce)
		}
		a.Len = 1 << 30 // more than any report has
		setSEVArg(cmd, mem, a)
		return failedFirmware(cmd, invalidLength)
	}
	_, err = log.sev(nil).AttestationReport(nonce)
	wantError(t, err, ErrInvalid, "1073741824 bytes")
}

func TestSEVSecretAndReceive(t *testing.T) {
	r := newTestRegion(t, 0x4000)
	guest := MemoryRange{Region: r, Offset: 0x1100, Size: 0x40}
	look := func(cmd *uapi.SEVCmd, mem *scratch) error {
		a := sevArg[uapi.SEVReceiveUpdateData](cmd, mem)
		if a.GuestUaddr != uint64(r.Addr())+0x1100 || a.GuestLen != 0x40 {
			t.Errorf("guest memory %#x at %#x", a.GuestLen, a.GuestUaddr)
		}
		wantBlob(t, mem, a.HdrUaddr, a.HdrLen, "header")
		wantBlob(t, mem, a.TransUaddr, a.TransLen, "packet")
		if b := sevArg[uapi.SEVLaunchSecret](cmd, mem); b.HdrUaddr != a.HdrUaddr || b.GuestLen != a.GuestLen || b.TransLen != a.TransLen {
			t.Errorf("the two structs differ: %+v, %+v", a, b)
		}
		return nil
	}
	log := sevLog{answer: look}
	must(t, log.sev(nil).LaunchSecret([]byte("header"), []byte("packet"), guest))
	must(t, log.sev(nil).ReceiveUpdateData([]byte("header"), []byte("packet"), guest))
}

func TestSEVDebug(t *testing.T) {
	r := newTestRegion(t, 0x4000)
	guest := MemoryRange{Region: r, Offset: 0x123, Size: 0x21}
	log := sevLog{answer: func(cmd *uapi.SEVCmd, mem *scratch) error {
		a := sevArg[uapi.SEVDbg](cmd, mem)
		if cmd.ID == uapi.SEVCmdDbgEncrypt {
			a.SrcUaddr, a.DstUaddr = a.DstUaddr, a.SrcUaddr
		}
		if a.SrcUaddr != uint64(r.Addr())+0x123 || a.Len != 0x21 || a.DstUaddr%16 != 0 {
			t.Errorf("arguments %+v", a)
		}
		mem.at(a.DstUaddr, 0x21)[0x20]++
		return nil
	}}
	plain, err := log.sev(nil).DbgDecrypt(guest)
	if err != nil || len(plain) != 0x21 || plain[0x20] != 1 {
		t.Errorf("plain %v, %v", plain, err)
	}
	must(t, log.sev(nil).DbgEncrypt(guest, plain))
}

func TestSEVSend(t *testing.T) {
	r := newTestRegion(t, 0x4000)
	log := sevLog{answer: func(cmd *uapi.SEVCmd, mem *scratch) error {
		a := sevArg[uapi.SEVSendStart](cmd, mem)
		if a.SessionLen == 0 {
			a.SessionLen = 4
			setSEVArg(cmd, mem, a)
			return failedFirmware(cmd, invalidLength)
		}
		wantBlob(t, mem, a.PdhCertUaddr, a.PdhCertLen, "pdh")
		wantBlob(t, mem, a.PlatCertsUaddr, a.PlatCertsLen, "plat")
		wantBlob(t, mem, a.AmdCertsUaddr, a.AmdCertsLen, "amd")
		copy(mem.at(a.SessionUaddr, 4), "sess")
		a.Policy = 5
		setSEVArg(cmd, mem, a)
		return nil
	}}
	session, policy, err := log.sev(nil).SendStart(SEVSendStart{[]byte("pdh"), []byte("plat"), []byte("amd")})
	if err != nil || string(session) != "sess" || policy != 5 {
		t.Errorf("session %q, policy %d, %v", session, policy, err)
	}
	log.answer = func(cmd *uapi.SEVCmd, mem *scratch) error {
		a := sevArg[uapi.SEVSendUpdateData](cmd, mem)
		if a.HdrLen == 0 {
			a.HdrLen, a.TransLen = 3, 5
			setSEVArg(cmd, mem, a)
			return failedFirmware(cmd, invalidLength)
		}
		if a.GuestUaddr != uint64(r.Addr())+0x2010 || a.GuestLen != 0x30 {
			t.Errorf("arguments %+v", a)
		}
		copy(mem.at(a.HdrUaddr, 3), "hdr")
		copy(mem.at(a.TransUaddr, 5), "trans")
		return nil
	}
	header, data, err := log.sev(nil).SendUpdateData(MemoryRange{Region: r, Offset: 0x2010, Size: 0x30})
	if err != nil || string(header) != "hdr" || string(data) != "trans" {
		t.Errorf("header %q, data %q, %v", header, data, err)
	}
}

func TestSEVReceiveStartAndStatus(t *testing.T) {
	log := sevLog{answer: func(cmd *uapi.SEVCmd, mem *scratch) error {
		a := sevArg[uapi.SEVReceiveStart](cmd, mem)
		wantBlob(t, mem, a.PdhUaddr, a.PdhLen, "pdh")
		wantBlob(t, mem, a.SessionUaddr, a.SessionLen, "session")
		a.Handle = a.Policy + 1
		setSEVArg(cmd, mem, a)
		return nil
	}}
	handle, err := log.sev(nil).ReceiveStart(SEVReceiveStart{Policy: 4, PDHCert: []byte("pdh"), Session: []byte("session")})
	if err != nil || handle != 5 {
		t.Errorf("handle %d, %v; want 5", handle, err)
	}
	want := uapi.SEVGuestStatus{Handle: 1, Policy: 2, State: 3}
	log.answer = func(cmd *uapi.SEVCmd, mem *scratch) error {
		setSEVArg(cmd, mem, want)
		return nil
	}
	if got, err := log.sev(nil).GuestStatus(); err != nil || got != want {
		t.Errorf("status %+v, %v; want %+v", got, err, want)
	}
}

// The kernel may do part of an update: the rest follows.
func TestSNPLaunchUpdate(t *testing.T) {
	r := newTestRegion(t, 0x4000)
	next := uapi.SEVSNPLaunchUpdate{GFNStart: 0x100, Uaddr: uint64(r.Addr()), Len: 0x4000, Type: uapi.SEVSNPPageTypeNormal}
	calls := 0
	log := sevLog{answer: func(cmd *uapi.SEVCmd, mem *scratch) error {
		if got := sevArg[uapi.SEVSNPLaunchUpdate](cmd, mem); got != next {
			t.Errorf("arguments %+v, want %+v", got, next)
		}
		if calls++; calls == 2 {
			return &Error{Errno: syscall.EAGAIN}
		}
		next.GFNStart, next.Uaddr, next.Len = next.GFNStart+1, next.Uaddr+0x1000, next.Len-0x1000
		setSEVArg(cmd, mem, next)
		return nil
	}}
	must(t, log.sev(nil).SNPLaunchUpdate(0x100, uapi.SEVSNPPageTypeNormal, MemoryRange{Region: r}))
	if calls != 5 || next.Len != 0 {
		t.Errorf("%d calls, %#x bytes left", calls, next.Len)
	}
	log.answer = nil // the kernel gets nowhere
	wantError(t, log.sev(nil).SNPLaunchUpdate(0, uapi.SEVSNPPageTypeNormal, MemoryRange{Region: r}), ErrInvalid, "left")
	zero := sevLog{answer: func(cmd *uapi.SEVCmd, mem *scratch) error {
		a := sevArg[uapi.SEVSNPLaunchUpdate](cmd, mem)
		if want := (uapi.SEVSNPLaunchUpdate{GFNStart: 5, Len: 0x2000, Type: uapi.SEVSNPPageTypeZero}); a != want {
			t.Errorf("arguments %+v, want %+v", a, want)
		}
		a.Len = 0
		setSEVArg(cmd, mem, a)
		return nil
	}}
	must(t, zero.sev(nil).SNPLaunchUpdate(5, uapi.SEVSNPPageTypeZero, MemoryRange{Size: 0x2000}))
}

func TestSNPLaunchStartAndFinish(t *testing.T) {
	must(t, expect(t, uapi.SEVSNPLaunchStart{Policy: 0x30000, Gosvw: [16]byte{1}}).sev(nil).SNPLaunchStart(0x30000, [16]byte{1}))
	host := [32]byte{31: 9}
	must(t, expect(t, uapi.SEVSNPLaunchFinish{HostData: host, VCEKDisabled: 1}).sev(nil).SNPLaunchFinish(SNPLaunchFinish{HostData: host, VCEKDisabled: true}))
	block, auth := bytes.Repeat([]byte{1}, 96), bytes.Repeat([]byte{2}, 4096)
	log := sevLog{answer: func(cmd *uapi.SEVCmd, mem *scratch) error {
		a := sevArg[uapi.SEVSNPLaunchFinish](cmd, mem)
		if a.IDBlockEn != 1 || a.AuthKeyEn != 1 || !bytes.Equal(mem.at(a.IDBlockUaddr, 96), block) || !bytes.Equal(mem.at(a.IDAuthUaddr, 4096), auth) {
			t.Errorf("arguments %+v", a)
		}
		return nil
	}}
	must(t, log.sev(nil).SNPLaunchFinish(SNPLaunchFinish{IDBlock: block, IDAuth: auth, AuthKey: true}))
}
