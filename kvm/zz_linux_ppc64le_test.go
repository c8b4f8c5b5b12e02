package kvm
import ("testing";"syscall")
func TestPPCPage(t *testing.T) { t.Log("page size", syscall.Getpagesize()) }
