package machine

import (
	"errors"
	"syscall"

	"linuxkvm/boot/riscv64"
	"linuxkvm/kvm"
	"linuxkvm/uapi"
)

// isaNames are the extensions that KVM knows, by its numbers. Theirs are the names
// that the kernel's bindings use.
var isaNames = [...]string{
	uapi.RISCVISAExtA:           "a",
	uapi.RISCVISAExtC:           "c",
	uapi.RISCVISAExtD:           "d",
	uapi.RISCVISAExtF:           "f",
	uapi.RISCVISAExtH:           "h",
	uapi.RISCVISAExtI:           "i",
	uapi.RISCVISAExtM:           "m",
	uapi.RISCVISAExtSvpbmt:      "svpbmt",
	uapi.RISCVISAExtSstc:        "sstc",
	uapi.RISCVISAExtSvinval:     "svinval",
	uapi.RISCVISAExtZihintpause: "zihintpause",
	uapi.RISCVISAExtZicbom:      "zicbom",
	uapi.RISCVISAExtZicboz:      "zicboz",
	uapi.RISCVISAExtZbb:         "zbb",
	uapi.RISCVISAExtSsaia:       "ssaia",
	uapi.RISCVISAExtV:           "v",
	uapi.RISCVISAExtSvnapot:     "svnapot",
	uapi.RISCVISAExtZba:         "zba",
	uapi.RISCVISAExtZbs:         "zbs",
	uapi.RISCVISAExtZicntr:      "zicntr",
	uapi.RISCVISAExtZicsr:       "zicsr",
	uapi.RISCVISAExtZifencei:    "zifencei",
	uapi.RISCVISAExtZihpm:       "zihpm",
	uapi.RISCVISAExtSmstateen:   "smstateen",
	uapi.RISCVISAExtZicond:      "zicond",
	uapi.RISCVISAExtZbc:         "zbc",
	uapi.RISCVISAExtZbkb:        "zbkb",
	uapi.RISCVISAExtZbkc:        "zbkc",
	uapi.RISCVISAExtZbkx:        "zbkx",
	uapi.RISCVISAExtZknd:        "zknd",
	uapi.RISCVISAExtZkne:        "zkne",
	uapi.RISCVISAExtZknh:        "zknh",
	uapi.RISCVISAExtZkr:         "zkr",
	uapi.RISCVISAExtZksed:       "zksed",
	uapi.RISCVISAExtZksh:        "zksh",
	uapi.RISCVISAExtZkt:         "zkt",
	uapi.RISCVISAExtZvbb:        "zvbb",
	uapi.RISCVISAExtZvbc:        "zvbc",
	uapi.RISCVISAExtZvkb:        "zvkb",
	uapi.RISCVISAExtZvkg:        "zvkg",
	uapi.RISCVISAExtZvkned:      "zvkned",
	uapi.RISCVISAExtZvknha:      "zvknha",
	uapi.RISCVISAExtZvknhb:      "zvknhb",
	uapi.RISCVISAExtZvksed:      "zvksed",
	uapi.RISCVISAExtZvksh:       "zvksh",
	uapi.RISCVISAExtZvkt:        "zvkt",
	uapi.RISCVISAExtZfh:         "zfh",
	uapi.RISCVISAExtZfhmin:      "zfhmin",
	uapi.RISCVISAExtZihintntl:   "zihintntl",
	uapi.RISCVISAExtZvfh:        "zvfh",
	uapi.RISCVISAExtZvfhmin:     "zvfhmin",
	uapi.RISCVISAExtZfa:         "zfa",
	uapi.RISCVISAExtZtso:        "ztso",
	uapi.RISCVISAExtZacas:       "zacas",
	uapi.RISCVISAExtSscofpmf:    "sscofpmf",
	uapi.RISCVISAExtZimop:       "zimop",
	uapi.RISCVISAExtZca:         "zca",
	uapi.RISCVISAExtZcb:         "zcb",
	uapi.RISCVISAExtZcd:         "zcd",
	uapi.RISCVISAExtZcf:         "zcf",
	uapi.RISCVISAExtZcmop:       "zcmop",
	uapi.RISCVISAExtZawrs:       "zawrs",
	uapi.RISCVISAExtSmnpm:       "smnpm",
	uapi.RISCVISAExtSsnpm:       "ssnpm",
	uapi.RISCVISAExtSvade:       "svade",
	uapi.RISCVISAExtSvadu:       "svadu",
	uapi.RISCVISAExtSvvptc:      "svvptc",
	uapi.RISCVISAExtZabha:       "zabha",
	uapi.RISCVISAExtZiccrse:     "ziccrse",
	uapi.RISCVISAExtZaamo:       "zaamo",
	uapi.RISCVISAExtZalrsc:      "zalrsc",
	uapi.RISCVISAExtZicbop:      "zicbop",
	uapi.RISCVISAExtZfbfmin:     "zfbfmin",
	uapi.RISCVISAExtZvfbfmin:    "zvfbfmin",
	uapi.RISCVISAExtZvfbfwma:    "zvfbfwma",
	uapi.RISCVISAExtZclsd:       "zclsd",
	uapi.RISCVISAExtZilsd:       "zilsd",
	uapi.RISCVISAExtZalasr:      "zalasr",
}

// instructionSet asks KVM what a vCPU offers. aia says that the vCPU has an IMSIC:
// without one the extension of that name is of no use and harm.
func instructionSet(cpu *kvm.VCPU, aia bool) (isa riscv64.ISA, err error) {
	for number, name := range isaNames {
		has, err := optionalReg(cpu, reg64|uapi.RegRISCVISAExt|uapi.RegRISCVISASingle|uint64(number))
		if err != nil {
			return isa, err
		}
		if has != 0 && (aia || number != uapi.RISCVISAExtSsaia) {
			isa.Extensions = append(isa.Extensions, name)
		}
	}
	mode, err := optionalReg(cpu, regSatpMode)
	if err != nil {
		return isa, err
	}
	isa.MMU = translationBits[mode]
	for id, size := range map[uint64]*uint32{
		regZicbomBlock: &isa.CBOM, regZicbozBlock: &isa.CBOZ, regZicbopBlock: &isa.CBOP,
	} {
		v, err := optionalReg(cpu, id)
		if err != nil {
			return isa, err
		}
		*size = uint32(v)
	}
	return isa, nil
}

// translationBits are the widths of virtual addresses by the mode field of satp.
var translationBits = map[uint64]int{8: 39, 9: 48, 10: 57}

// optionalReg reads a register that this host's KVM or processor may not have: it
// is 0 then.
func optionalReg(cpu *kvm.VCPU, id uint64) (uint64, error) {
	v, err := cpu.OneRegUint64(id)
	if errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.EOPNOTSUPP) {
		return 0, nil
	}
	return v, err
}
