//go:build !amd64

package kvm

// setAttrFrom is setAttr for a value that is a struct of the caller's.
func setAttrFrom[T any](of attributes, group uint32, attr uint64, value *T) error {
	if value == nil {
		return invalid("attribute %d of group %d: nil %T", attr, group, (*T)(nil))
	}
	return setAttr(of, group, attr, *value)
}

// orderAttr sets an attribute that has no value.
func orderAttr(of attributes, group uint32, attr uint64) error {
	return there(of).SetAttr(group, attr, nil)
}

// checkAligned refuses an address or offset that KVM would.
func checkAligned(what string, n, alignment uint64) error {
	if n%alignment != 0 {
		return invalid("%s %#x is not a multiple of %#x", what, n, alignment)
	}
	return nil
}

// setAligned sets an attribute that is an address.
func setAligned(of attributes, group uint32, attr uint64, what string, gpa, alignment uint64) error {
	if err := checkAligned(what, gpa, alignment); err != nil {
		return err
	}
	return setAttr(of, group, attr, gpa)
}

// checkRange refuses a number out of bounds.
func checkRange[T int | int32 | uint32 | uint64](what string, n, low, high T) error {
	if n < low || n > high {
		return invalid("%s is %d, want %d to %d", what, n, low, high)
	}
	return nil
}
