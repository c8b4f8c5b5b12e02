package virtio

// Features of the transport, as bits of the feature words.
const (
	// FeatureIndirect lets a descriptor refer to a table of further ones.
	FeatureIndirect uint64 = 1 << 28
	// FeatureEventIdx lets each side say at which index it wants to be told.
	FeatureEventIdx uint64 = 1 << 29
	// FeatureVersion1 says that the device is not of the time before virtio 1.0.
	FeatureVersion1 uint64 = 1 << 32
	// FeatureAccessPlatform says that addresses go through the platform's IOMMU.
	// It is not offered.
	FeatureAccessPlatform uint64 = 1 << 33
)

// transportFeatures are offered for every device.
const transportFeatures = FeatureIndirect | FeatureEventIdx | FeatureVersion1

// Device types (virtio 1.2, chapter 5).
const (
	TypeNet     uint32 = 1
	TypeBlock   uint32 = 2
	TypeConsole uint32 = 3
	TypeRNG     uint32 = 4
	TypeBalloon uint32 = 5
	TypeVsock   uint32 = 19
	TypeFS      uint32 = 26
)

// Bits of the device's status (section 2.1).
const (
	statusAcknowledge = 1 << 0
	statusDriver      = 1 << 1
	statusDriverOK    = 1 << 2
	statusFeaturesOK  = 1 << 3
	statusNeedsReset  = 1 << 6
	statusFailed      = 1 << 7
)
