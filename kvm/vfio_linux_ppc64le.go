package kvm

import (
	"syscall"

	"linuxkvm/uapi"
)

// SetSPAPRTCE attaches a table of translations that the guest sees, of those that
// KVM_CREATE_SPAPR_TCE makes, to the group whose file was added.
//
// attr: KVM_DEV_VFIO_GROUP, KVM_DEV_VFIO_GROUP_SET_SPAPR_TCE (device) · since: Linux 4.12
func (f *VFIO) SetSPAPRTCE(group, table syscall.Conn) error {
	return withFD(group, func(groupFD int32) error {
		return withFD(table, func(tableFD int32) error {
			return setAttr(f.attrs, uapi.DevVFIOGroup, uapi.DevVFIOGroupSetSPAPRTCE,
				uapi.VFIOSPAPRTCE{Groupfd: groupFD, Tablefd: tableFD})
		})
	})
}
