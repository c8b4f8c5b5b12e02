// Package usernet is a backend of virtio/net that needs no privilege: a network in
// this process, whose gateway passes the guest's connections on as ordinary sockets
// of this process.
//
// The guest gets its address by DHCP, names by DNS at the gateway, and reaches by TCP
// and UDP over IPv4 what [Config].Allow says. Ports of the guest are made reachable by
// [Network.Publish] and [Network.PublishUDP]. There is no IPv6, and of ICMP only echoes of the gateway.
//
// The gateway's TCP/IP is gVisor's. DHCP and DNS are ours, since what a guest can ask
// for must be bounded: each in-flight query, connection and buffer is.
package usernet
