package kvm

// opName is an operation that is no ioctl, by name.
type opName string

func (o opName) String() string { return string(o) }
