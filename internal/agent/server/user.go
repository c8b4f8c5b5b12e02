package server

import (
	"errors"
	"fmt"
	"os/user"
	"strconv"
	"strings"
	"syscall"
)

// credential finds a user as container tools do: NAME or NUMBER, with :GROUP or
// without. A number need not be known.
func credential(text string) (*syscall.Credential, error) {
	name, group, hasGroup := strings.Cut(text, ":")
	c, err := userCredential(name)
	if err != nil {
		return nil, err
	}
	if hasGroup {
		if c.Gid, err = groupNumber(group); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func userCredential(name string) (*syscall.Credential, error) {
	u, err := user.Lookup(name)
	if err != nil {
		u, err = user.LookupId(name)
	}
	if err != nil {
		n, numberErr := strconv.ParseUint(name, 10, 32)
		if numberErr != nil {
			return nil, fmt.Errorf("agent: the guest has no user %q: %w", name, syscall.ENOENT)
		}
		return &syscall.Credential{Uid: uint32(n)}, nil
	}
	uid, uidErr := strconv.ParseUint(u.Uid, 10, 32)
	gid, gidErr := strconv.ParseUint(u.Gid, 10, 32)
	if err := errors.Join(uidErr, gidErr); err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid), Groups: moreGroups(u)}, nil
}

// moreGroups are the groups that a user is in besides its own.
func moreGroups(u *user.User) []uint32 {
	ids, err := u.GroupIds()
	if err != nil {
		return nil // without /etc/group there are none
	}
	var list []uint32
	for _, id := range ids {
		if n, err := strconv.ParseUint(id, 10, 32); err == nil {
			list = append(list, uint32(n))
		}
	}
	return list
}

func groupNumber(name string) (uint32, error) {
	if g, err := user.LookupGroup(name); err == nil {
		name = g.Gid
	}
	n, err := strconv.ParseUint(name, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("agent: the guest has no group %q: %w", name, syscall.ENOENT)
	}
	return uint32(n), nil
}
