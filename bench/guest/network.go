//go:build linux && amd64

package main

import (
	"encoding/binary"
	"io"
	"net"
	"time"
)

// netWork talks to the server on the host.
func netWork(each time.Duration, address string, report map[string]float64) error {
	for _, part := range []func(time.Duration, string, map[string]float64) error{download, upload, roundTripTime} {
		if err := part(each, address, report); err != nil {
			return err
		}
	}
	return nil
}

func dial(address string, want byte) (*net.TCPConn, error) {
	conn, err := net.DialTimeout("tcp", address, time.Minute)
	if err != nil {
		return nil, err
	}
	_, err = conn.Write([]byte{want})
	return conn.(*net.TCPConn), err
}

func download(each time.Duration, address string, report map[string]float64) error {
	conn, err := dial(address, wantDown)
	if err != nil {
		return err
	}
	defer conn.Close()
	start, b := time.Now(), make([]byte, 256<<10)
	for n := 0; ; {
		if took := time.Since(start); took >= each && n > 0 {
			report["net.down"] = float64(n) / (1 << 20) / took.Seconds()
			return nil
		}
		m, err := conn.Read(b)
		if err != nil {
			return err
		}
		n += m
	}
}

// upload counts what has arrived, and not what is only on its way.
func upload(each time.Duration, address string, report map[string]float64) error {
	conn, err := dial(address, wantUp)
	if err != nil {
		return err
	}
	defer conn.Close()
	start, b := time.Now(), make([]byte, 256<<10)
	for time.Since(start) < each {
		if _, err := conn.Write(b); err != nil {
			return err
		}
	}
	if err := conn.CloseWrite(); err != nil {
		return err
	}
	var n int64
	if err := binary.Read(conn, binary.LittleEndian, &n); err != nil {
		return err
	}
	report["net.up"] = float64(n) / (1 << 20) / time.Since(start).Seconds()
	return nil
}

func roundTripTime(each time.Duration, address string, report map[string]float64) error {
	conn, err := dial(address, wantEcho)
	if err != nil {
		return err
	}
	defer conn.Close()
	b := make([]byte, 1)
	rate, err := repeat(each, func(int) error {
		if _, err := conn.Write(b); err != nil {
			return err
		}
		_, err := io.ReadFull(conn, b)
		return err
	})
	report["net.trip"] = 1e6 / rate
	return err
}
