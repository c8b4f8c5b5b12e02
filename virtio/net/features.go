package net

// Features of a device.
const (
	// FeatureCSUM: the driver may leave a checksum to the device.
	FeatureCSUM uint64 = 1 << 0
	// FeatureGuestCSUM: the device may leave a checksum to the driver.
	FeatureGuestCSUM uint64 = 1 << 1
	// FeatureMTU: the configuration has the MTU.
	FeatureMTU uint64 = 1 << 3
	// FeatureMAC: the configuration has the MAC address.
	FeatureMAC uint64 = 1 << 5
	// FeatureGuestTSO4: the driver takes TCP segments over IPv4 larger than the MTU,
	// FeatureGuestTSO6 over IPv6.
	FeatureGuestTSO4 uint64 = 1 << 7
	FeatureGuestTSO6 uint64 = 1 << 8
	// FeatureHostTSO4: the device takes those over IPv4, FeatureHostTSO6 over IPv6.
	FeatureHostTSO4 uint64 = 1 << 11
	FeatureHostTSO6 uint64 = 1 << 12
	// FeatureMergeable: a packet may be spread over several of the driver's buffers.
	FeatureMergeable uint64 = 1 << 15
	// FeatureStatus: the configuration has the state of the link.
	FeatureStatus uint64 = 1 << 16
)

// offloads are the features that are a backend's to offer.
const offloads = FeatureCSUM | FeatureGuestCSUM | FeatureGuestTSO4 | FeatureGuestTSO6 | FeatureHostTSO4 | FeatureHostTSO6

// consistent leaves out those that a driver may only accept with another one
// (section 5.1.3.1).
func consistent(features uint64) uint64 {
	if features&FeatureCSUM == 0 {
		features &^= FeatureHostTSO4 | FeatureHostTSO6
	}
	if features&FeatureGuestCSUM == 0 {
		features &^= FeatureGuestTSO4 | FeatureGuestTSO6
	}
	return features
}
