package kvm

import (
	"os"
	"testing"

	"linuxkvm/uapi"
)

func TestEncodeXICS(t *testing.T) {
	var log attrLog
	x := &XICS{attrs: &log}
	log.sets(t, x.SetNrServers(8), 2, 1, u32(8))
	all := XICSSource{Server: 0xfffffffe, Priority: 5, LevelSensitive: true, Masked: true, Pending: true, Presented: true, Queued: true}
	log.sets(t, x.SetSource(0x1000, all), 1, 0x1000, u64(0x1f05_ffff_fffe))
	log.sets(t, x.SetSource(16, XICSSource{Pending: true}), 1, 16, u64(1<<42))
	if got := unpackXICSSource(all.pack()); got != all {
		t.Errorf("unpacked %+v", got)
	}
	got, err := x.Source(1<<20 - 1)
	must(t, err)
	if c := log.last(t); c.set || c.attr != 1<<20-1 || len(c.value) != 8 || got != unpackXICSSource(0x0807060504030201) {
		t.Errorf("asked %+v, got %+v", c, got)
	}
	for _, n := range []uint32{0, 15, 1 << 20} {
		log.refuses(t, x.SetSource(n, all))
		log.refuses(t, second(x.Source(n)))
	}
}

func TestEncodeXIVE(t *testing.T) {
	var log attrLog
	x := &XIVE{attrs: &log}
	log.sets(t, x.Reset(), 1, 1, nil)
	log.sets(t, x.EQSync(), 1, 2, nil)
	log.sets(t, x.SetNrServers(8), 1, 3, u32(8))
	log.sets(t, x.AddSource(5, true, true), 2, 5, u64(3))
	log.sets(t, x.AddSource(5, false, false), 2, 5, u64(0))
	log.sets(t, x.ConfigureSource(5, XIVESource{Priority: 6, Server: 1<<29 - 1, Masked: true, EISN: 1<<31 - 1}), 3, 5, u64(0xffff_ffff_ffff_fffe))
	log.sets(t, x.ConfigureSource(5, XIVESource{Priority: 1, Server: 2, EISN: 3}), 3, 5, u64(3<<33|2<<3|1))
	log.refuses(t, x.ConfigureSource(5, XIVESource{Priority: 8}))
	log.refuses(t, x.ConfigureSource(5, XIVESource{Server: 1 << 29}))
	log.refuses(t, x.ConfigureSource(5, XIVESource{EISN: 1 << 31}))
	log.sets(t, x.SyncSource(5), 5, 5, nil)
	eq := uapi.PPCXIVEEq{Flags: uapi.XIVEEqAlwaysNotify, Qshift: 16, Qaddr: 0x10000}
	log.sets(t, x.SetEQConfig(2, 6, &eq), 4, 2<<3|6, bytesOf(&eq))
	gets(t, &log, func() (uapi.PPCXIVEEq, error) { return x.EQConfig(2, 6) }, 4, 2<<3|6)
	log.refuses(t, x.SetEQConfig(2, 6, nil), "nil")
	log.refuses(t, x.SetEQConfig(2, 8, &eq))
	log.refuses(t, second(x.EQConfig(1<<29, 0)))
}

func TestEncodeMPIC(t *testing.T) {
	var log attrLog
	m := &MPIC{attrs: &log}
	log.sets(t, m.SetBaseAddr(0x40000), 1, 0, u64(0x40000))
	gets(t, &log, m.BaseAddr, 1, 0)
	log.refuses(t, m.SetBaseAddr(0x10000))
	log.sets(t, m.SetReg(0x3fffc, 7), 2, 0x3fffc, u32(7))
	gets(t, &log, func() (uint32, error) { return m.Reg(8) }, 2, 8)
	log.refuses(t, m.SetReg(0x40000, 0))
	log.refuses(t, second(m.Reg(2)))
	log.sets(t, m.SetIRQActive(3, true), 3, 3, u32(1))
	log.sets(t, m.SetIRQActive(3, false), 3, 3, u32(0))
	if active, err := m.IRQActive(3); !active || err != nil || len(log.last(t).value) != 4 {
		t.Errorf("active %v, %v", active, err)
	}
}

func TestEncodeVFIOSPAPRTCE(t *testing.T) {
	var log attrLog
	v := &VFIO{attrs: &log}
	group, err := os.Open(os.DevNull)
	must(t, err)
	defer group.Close()
	table, err := os.Open(os.DevNull)
	must(t, err)
	defer table.Close()
	log.sets(t, v.SetSPAPRTCE(group, table), 1, 3, append(u32(uint32(group.Fd())), u32(uint32(table.Fd()))...))
	log.refuses(t, v.SetSPAPRTCE(nil, table))
	log.refuses(t, v.SetSPAPRTCE(group, nil))
}
