// Package console connects a terminal to a guest's serial console: raw mode that
// is always undone, and the escape key that leaves the guest.
package console
