package x86

// Mode is the processor mode of an Entry.
type Mode uint8

// The modes.
const (
	// Protected32 is flat 32-bit protected mode without paging.
	Protected32 Mode = iota + 1
	// Long64 is 64-bit mode with the identity page tables at CR3.
	Long64
)

// String names the mode.
func (m Mode) String() string {
	switch m {
	case Protected32:
		return "32-bit protected mode"
	case Long64:
		return "64-bit long mode"
	}
	return "no mode"
}

// Segment is a segment register: the selector and the hidden descriptor. The
// fields are those of kvm_segment under the same names.
type Segment struct {
	Base     uint64
	Limit    uint32 // in bytes, already scaled by G
	Selector uint16
	Type     uint8 // descriptor type: 0xb execute/read accessed, 0x3 read/write accessed, 0xb busy TSS
	Present  uint8
	DPL      uint8
	DB       uint8
	S        uint8 // 1 for code and data, 0 for system segments
	L        uint8
	G        uint8
	AVL      uint8
}

// Entry is the state in which the first vCPU (the one with APIC id 0) enters the
// kernel. Registers that are not named are zero. The other vCPUs wait for
// INIT and SIPI, as KVM's irqchip has them do from the start.
type Entry struct {
	Mode Mode
	// RIP is the entry point and RSP the stack pointer, both guest-physical.
	RIP, RSP uint64
	// RBX is the address of hvm_start_info in Protected32, else 0.
	RBX uint64
	// RSI is the address of boot_params in Long64, else 0.
	RSI uint64
	// RFLAGS has only the bit that is always one: interrupts are off.
	RFLAGS uint64
	// CR0, CR3, CR4 and EFER are complete values, not masks.
	CR0, CR3, CR4, EFER uint64
	// CS is the code segment, Data what DS, ES, FS, GS and SS all hold, TR the
	// task register. LDT is to be marked unusable.
	CS, Data, TR Segment
	// GDTBase and GDTLimit describe a table, in guest RAM, that agrees with
	// the segments. The IDT is empty: base 0, limit 0.
	GDTBase  uint64
	GDTLimit uint16
}

// Control register and EFER bits.
const (
	cr0PE = 1 << 0
	cr0MP = 1 << 1
	cr0ET = 1 << 4
	cr0NE = 1 << 5
	cr0WP = 1 << 16
	cr0AM = 1 << 18
	cr0PG = 1 << 31

	cr4PAE = 1 << 5

	eferLME = 1 << 8
	eferLMA = 1 << 10

	rflagsFixed = 1 << 1
)

// Selectors. Linux's 64-bit boot protocol fixes 0x10 for code and 0x18 for data.
const (
	selCode = 0x10
	selData = 0x18
	selTSS  = 0x20
)

func flatData() Segment {
	return Segment{Limit: 0xffffffff, Selector: selData, Type: 3, Present: 1, DB: 1, S: 1, G: 1}
}

func flatCode(long bool) Segment {
	s := Segment{Limit: 0xffffffff, Selector: selCode, Type: 0xb, Present: 1, S: 1, G: 1}
	if long {
		s.L = 1
	} else {
		s.DB = 1
	}
	return s
}

func taskState() Segment {
	return Segment{Limit: 0x67, Selector: selTSS, Type: 0xb, Present: 1}
}

// protectedEntry is the state the PVH ABI asks for.
func protectedEntry(rip, startInfo uint64) Entry {
	return Entry{
		Mode: Protected32, RIP: rip, RSP: StackTop, RBX: startInfo, RFLAGS: rflagsFixed,
		CR0: cr0PE | cr0ET | cr0NE,
		CS:  flatCode(false), Data: flatData(), TR: taskState(),
		GDTBase: GDTAddr, GDTLimit: gdtSize - 1,
	}
}

// longEntry is the state the 64-bit Linux boot protocol asks for.
func longEntry(rip, zeroPage uint64) Entry {
	return Entry{
		Mode: Long64, RIP: rip, RSP: StackTop, RSI: zeroPage, RFLAGS: rflagsFixed,
		CR0: cr0PE | cr0MP | cr0ET | cr0NE | cr0WP | cr0AM | cr0PG, CR3: PageTableAddr,
		CR4: cr4PAE, EFER: eferLME | eferLMA,
		CS: flatCode(true), Data: flatData(), TR: taskState(),
		GDTBase: GDTAddr, GDTLimit: gdtSize - 1,
	}
}
