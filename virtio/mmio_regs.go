package virtio

// Registers of the MMIO transport (section 4.2.2), by offset.
const (
	regMagic           = 0x000
	regVersion         = 0x004
	regDeviceID        = 0x008
	regVendorID        = 0x00c
	regDeviceFeatures  = 0x010
	regDeviceFeatSel   = 0x014
	regDriverFeatures  = 0x020
	regDriverFeatSel   = 0x024
	regQueueSel        = 0x030
	regQueueSizeMax    = 0x034
	regQueueSize       = 0x038
	regQueueReady      = 0x044
	regQueueNotify     = 0x050
	regInterruptStatus = 0x060
	regInterruptACK    = 0x064
	regStatus          = 0x070
	regQueueDescLow    = 0x080
	regQueueDescHigh   = 0x084
	regQueueAvailLow   = 0x090
	regQueueAvailHigh  = 0x094
	regQueueUsedLow    = 0x0a0
	regQueueUsedHigh   = 0x0a4
	regSHMLenLow       = 0x0b0
	regSHMBaseHigh     = 0x0bc
	regConfigGen       = 0x0fc
	regConfig          = 0x100

	// MMIOSize is the number of bytes of a window.
	MMIOSize = 0x200
	// QueueNotifyOffset is where the driver writes the number of a queue, 32 bits
	// wide, to ring its doorbell: the place for an ioeventfd.
	QueueNotifyOffset = regQueueNotify

	magic    = 0x74726976 // "virt"
	version  = 2
	vendorID = 0x4d564b4c // "LKVM"

	interruptUsed   = 1 << 0
	interruptConfig = 1 << 1
)
