package kvm

// What the kernel calls an attribute has a group, a number and a value of one type,
// which only its documentation tells. The methods that are named after attributes
// know the type; what they are made of is here.

// attributes is what has attributes: a Device, a VM or a VCPU.
type attributes interface {
	HasAttr(group uint32, attr uint64) (bool, error)
	Attr(group uint32, attr uint64, value []byte) error
	SetAttr(group uint32, attr uint64, value []byte) error
}

// there is what has attributes, or in a zero value, where nothing is, what is closed.
func there(of attributes) attributes {
	if of == nil {
		return (*Device)(nil)
	}
	return of
}

// getAttr reads an attribute whose value is a T.
func getAttr[T any](of attributes, group uint32, attr uint64) (T, error) {
	var value T
	err := there(of).Attr(group, attr, bytesOf(&value))
	return value, err
}

// setAttr sets an attribute whose value is a T.
func setAttr[T any](of attributes, group uint32, attr uint64, value T) error {
	return there(of).SetAttr(group, attr, bytesOf(&value))
}
