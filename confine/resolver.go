package confine

import "os"

// ResolverFiles are the files, of those that exist, that Go's resolver reads to look
// up a name: for ReadOnly, with a Network. Where the network's configuration
// replaces /etc/resolv.conf by a new file later, that one is out of reach, and names are
// no longer looked up.
func ResolverFiles() []string {
	var list []string
	for _, path := range []string{"/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/services", "/etc/protocols"} {
		if _, err := os.Stat(path); err == nil {
			list = append(list, path)
		}
	}
	return list
}
