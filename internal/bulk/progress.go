package bulk

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Progress is what a run leaves for the next one. It is good for the same file sent to the same server.
type Progress struct {
	Digest  string `json:"digest"` // sha256 of the file, hex
	Server  string `json:"server"`
	Format  Format `json:"format"`
	Reached Place  `json:"reached"`
	Counts  Counts `json:"counts"`
	Rejects int64  `json:"rejects"` // length of the report of refused lines
}

// Digest is the digest of a file, which is left at its beginning.
func Digest(file io.ReadSeeker) (string, error) {
	sum := sha256.New()
	_, err := io.Copy(sum, file)
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		return "", fmt.Errorf("read the file: %w", err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// Resume returns the progress that was left at path, or begun if there is none or it is of another file, server or
// format.
func Resume(path string, begun Progress) (Progress, error) {
	text, err := os.ReadFile(path) //nolint:gosec // the caller's choice of file
	if errors.Is(err, fs.ErrNotExist) {
		return begun, nil
	}
	if err != nil {
		return begun, fmt.Errorf("read the progress: %w", err)
	}
	var left Progress
	if err := json.Unmarshal(text, &left); err != nil {
		return begun, fmt.Errorf("%s is not the progress of an import; remove it to begin anew: %w", path, err)
	}
	if left.Digest != begun.Digest || left.Server != begun.Server || left.Format != begun.Format {
		return begun, nil
	}
	return left, nil
}

// Save leaves p at path, whole or not at all.
func (p Progress) Save(path string) error {
	text, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("save the progress: %w", err)
	}
	next := path + ".new"
	err = os.WriteFile(next, append(text, '\n'), 0o600)
	if err == nil {
		err = os.Rename(next, path)
	}
	if err != nil {
		return fmt.Errorf("save the progress: %w", err)
	}
	return nil
}

// Forget removes the progress at path.
func Forget(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the progress: %w", err)
	}
	return nil
}

// Add counts a part.
func (p *Progress) Add(reached Place, counts Counts) {
	p.Reached = reached
	p.Counts.add(counts)
}
