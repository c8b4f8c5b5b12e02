//go:build !amd64

package kvm

const oneRegSince = "3.4"
