package kvm

const oneRegSince = "6.18"
