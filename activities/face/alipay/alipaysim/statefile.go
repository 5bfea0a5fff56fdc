package alipaysim

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// stateFile keeps attempts in one JSON file that is replaced as a whole, so that
// a killed process leaves the old or the new one. It is not synced to the disk:
// surviving a power cut is not a simulator's business.
type stateFile struct {
	path string

	mu    sync.Mutex
	saved uint64
}

type stateContent struct {
	Version  int       `json:"version"`
	Attempts []attempt `json:"attempts"`
}

// read returns the kept attempts; a missing file is none.
func (f *stateFile) read() ([]attempt, error) {
	raw, err := os.ReadFile(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("alipaysim: read state file: %w", err)
	}
	var content stateContent
	if err := json.Unmarshal(raw, &content); err != nil {
		return nil, fmt.Errorf("alipaysim: state file is damaged, remove it to start afresh: %w", err)
	}
	if content.Version != 1 {
		return nil, fmt.Errorf("alipaysim: state file has version %d, this program reads 1", content.Version)
	}
	return content.Attempts, nil
}

// write replaces the file.
func (f *stateFile) write(attempts []attempt) error {
	raw, err := json.MarshalIndent(stateContent{Version: 1, Attempts: attempts}, "", "  ")
	if err != nil {
		return fmt.Errorf("alipaysim: encode state: %w", err)
	}
	tmp, err := os.CreateTemp(filepath.Dir(f.path), ".alipaysim-*")
	if err != nil {
		return fmt.Errorf("alipaysim: write state file: %w", err)
	}
	_, err = tmp.Write(raw)
	err = errors.Join(err, tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), f.path)
	}
	if err != nil {
		_ = os.Remove(tmp.Name())
		return fmt.Errorf("alipaysim: write state file: %w", err)
	}
	return nil
}

// save returns once the state file holds at least the changes made before the
// call. Callers that waited for another's write find theirs in it and write
// nothing, so that many changes at once cost few writes.
func (s *Simulator) save() error {
	if s.file == nil {
		return nil
	}
	s.mu.Lock()
	mine := s.version
	s.mu.Unlock()

	s.file.mu.Lock()
	defer s.file.mu.Unlock()
	if s.file.saved >= mine {
		return nil
	}
	s.mu.Lock()
	current := s.version
	s.mu.Unlock()
	// all may hold later changes than current says: they are then written twice, never lost.
	if err := s.file.write(s.all()); err != nil {
		return err
	}
	s.file.saved = current
	return nil
}
