package kvm

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"linuxkvm/uapi"
)

// A value of another width than the register's does not compile.
func TestWrongWidthDoesNotCompile(t *testing.T) {
	if os.Getenv("KVM_TEST_LANE") != "" {
		t.Skip("needs the go command and the source, which the rig has not: run it in the source tree")
	}
	calls := []struct {
		text     string
		compiles bool
	}{
		{"u64, err = GetOneReg(v, id64)", true},
		{"u64, err = GetOneReg(v, id32)", false},
		{"u32, err = GetOneReg(v, id64)", false},
		{"u128, err = GetOneReg(v, id128)", true},
		{"u64, err = GetOneReg(v, id128)", false},
		{"z, err = GetOneReg(v, idZ)", true},
		{"u128, err = GetOneReg(v, idZ)", false},
		{"err = SetOneReg(v, id64, u64)", true},
		{"err = SetOneReg(v, id64, u32)", false},
		{"err = SetOneReg(v, id32, 1)", true},
		{"err = SetOneReg(v, id32, 1<<32)", false},
		{"err = SetOneReg(v, id64, -1)", false},
		{"err = SetOneReg(v, idZ, u128)", false},
		{"err = SetOneReg(v, uint64(id64), u64)", false},
		{"err = SetOneReg(v, reg, u64)", false},
		{"var _ uapi.RegID[uapi.Regs]", false},
		{"err = v.SetOneReg(id64, nil)", false}, // no way around the type by accident
	}
	text := "package kvm\nimport \"linuxkvm/uapi\"\nfunc wrong(v *VCPU, id32 uapi.RegID[uint32], id64 uapi.RegID[uint64], id128 uapi.RegID[[2]uint64], idZ uapi.RegID[[256]byte], reg uapi.Reg) {\n" +
		"var u32 uint32\nvar u64 uint64\nvar u128 [2]uint64\nvar z [256]byte\nvar err error\n"
	firstLine := strings.Count(text, "\n") + 1
	for _, c := range calls {
		text += c.text + "\n"
	}
	out := buildWith(t, text+"_, _, _, _, _ = u32, u64, u128, z, err\n}\n")
	for i, c := range calls {
		if refused := strings.Contains(out, fmt.Sprintf("zz_wrong.go:%d:", firstLine+i)); refused == c.compiles {
			t.Errorf("%s: compiles=%v, want %v; the compiler says\n%s", c.text, !refused, c.compiles, out)
		}
	}
}

// An id that was made up is found out when it is used.
func TestEncodeMadeUpRegister(t *testing.T) {
	v := new(VCPU)
	wantError(t, second(GetOneReg(v, uapi.RegID[uint32](uapi.RegSizeU64|5))), ErrInvalid, "8 bytes", "4")
	wantError(t, SetOneReg(v, uapi.RegID[[256]byte](uapi.RegSizeU64|5), [256]byte{}), ErrInvalid, "256")
	wantError(t, second(GetOneReg(v, uapi.RegID[uint64](9<<52))), ErrInvalid)
}
