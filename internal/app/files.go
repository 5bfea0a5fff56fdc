package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// writeFile replaces a file as a whole, readable by its owner only: a reader sees the old content or the new.
func writeFile(path string, content []byte) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // made with 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(file.Name())
		}
	}()
	_, err = file.Write(content)
	if err == nil {
		err = file.Sync()
	}
	if e := file.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

// keep returns the content of a file, made by make if the file is not there yet.
func keep(path string, make func() ([]byte, error)) ([]byte, error) {
	content, err := os.ReadFile(path) //nolint:gosec // a name of ours in the directory that the user gave
	if err == nil || !errors.Is(err, os.ErrNotExist) {
		return content, err
	}
	if content, err = make(); err != nil {
		return nil, err
	}
	return content, writeFile(path, content)
}

// readJSON reads a file into a value and reports whether it was there.
func readJSON(path string, into any) (bool, error) {
	content, err := os.ReadFile(path) //nolint:gosec // a name of ours in the directory that the user gave
	switch {
	case errors.Is(err, os.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	}
	if err := json.Unmarshal(content, into); err != nil {
		return false, fmt.Errorf("%s cannot be read: %w", filepath.Base(path), err)
	}
	return true, nil
}

func writeJSON(path string, value any) error {
	content, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(path, append(content, '\n'))
}

// WriteReady writes a ready file: it appears complete or not at all, so whoever waits for it may read it at once.
func WriteReady(path string, value any) error { return writeJSON(path, value) }
