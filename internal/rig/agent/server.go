package agent

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"

	"linuxkvm/internal/rig/wire"
)

// server takes frames from the host and runs one job at a time.
type server struct {
	conn *wire.Conn

	mu  sync.Mutex
	job *job
}

// loop returns nil when the host asks for the end.
func (s *server) loop() error {
	for {
		kind, payload, err := s.conn.Receive()
		if err == io.EOF {
			return fmt.Errorf("the host closed the connection")
		}
		if err != nil {
			return fmt.Errorf("read from the host: %w", err)
		}
		switch kind {
		case wire.Shutdown:
			return nil
		case wire.Start:
			if err := s.start(payload); err != nil {
				return err
			}
		case wire.Stdin:
			if j := s.current(); j != nil {
				j.input(payload)
			}
		case wire.Resize:
			var size wire.SizeMessage
			if err := json.Unmarshal(payload, &size); err != nil {
				return err
			}
			if j := s.current(); j != nil {
				j.resize(size)
			}
		default:
			return fmt.Errorf("frame of unknown kind %d from the host", kind)
		}
	}
}

func (s *server) current() *job {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.job
}

// start begins a job; its end is told to the host by a goroutine.
func (s *server) start(payload []byte) error {
	var m wire.JobMessage
	if err := json.Unmarshal(payload, &m); err != nil {
		return err
	}
	j := newJob(s.conn, m)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.job != nil {
		return fmt.Errorf("the host started a job while another one runs")
	}
	s.job = j
	go func() {
		exit := j.run()
		s.mu.Lock()
		s.job = nil
		s.mu.Unlock()
		// After the job is forgotten: the host may start the next one as soon
		// as it reads this. An error means that the host is gone.
		_ = s.conn.SendMessage(wire.Exit, exit)
	}()
	return nil
}
