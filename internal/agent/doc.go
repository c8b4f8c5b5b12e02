// Package agent runs commands in a guest: the host's side of a small protocol whose
// other side (package server) is the guest's first process.
//
// Each stream of bytes is a connection of its own, so that the transport's flow
// control is the only one: one connection controls a command, and up to three more
// are its standard input, output and error. A connection begins with a
// [wire.Hello]; what follows on a control connection are JSON messages, and on the
// others bytes. When the control connection ends before the command does, the
// command is killed.
package agent
