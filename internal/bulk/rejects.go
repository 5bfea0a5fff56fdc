package bulk

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// Rejects is the report of refused lines: a CSV file with a row for each fault. It is read by people in spreadsheets,
// so no cell can be taken for a formula.
type Rejects struct {
	file *os.File
	out  *csv.Writer
}

// OpenRejects opens the report, readable by its owner only, and keeps the first bytes of what is there. Where there are
// fewer, because it was taken away, it begins anew.
func OpenRejects(path string, keep int64) (*Rejects, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // the caller's choice of file
	if err != nil {
		return nil, fmt.Errorf("open the report of refused lines: %w", err)
	}
	r := &Rejects{file: file, out: csv.NewWriter(file)}
	info, err := file.Stat()
	if err == nil {
		if info.Size() < keep {
			keep = 0
		}
		err = file.Truncate(keep)
	}
	if err == nil {
		_, err = file.Seek(keep, io.SeekStart)
	}
	if err == nil && keep == 0 {
		err = r.out.Write([]string{"line", "account_id", "code", "field", "message", "text"})
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("begin the report of refused lines: %w", err), file.Close())
	}
	return r, nil
}

// Add reports one line.
func (r *Rejects) Add(line Refused) error {
	faults := line.Problem.Errors
	if len(faults) == 0 {
		faults = []Fault{{Message: line.Problem.String()}}
	}
	for _, f := range faults {
		row := []string{strconv.Itoa(line.Line), line.AccountID, line.Problem.Code, f.Field, f.Message, line.Text}
		for i := range row {
			row[i] = inert(row[i])
		}
		if err := r.out.Write(row); err != nil {
			return fmt.Errorf("report a refused line: %w", err)
		}
	}
	return nil
}

// Size writes out what was added and returns the length of the report.
func (r *Rejects) Size() (int64, error) {
	r.out.Flush()
	if err := r.out.Error(); err != nil {
		return 0, fmt.Errorf("write the report of refused lines: %w", err)
	}
	size, err := r.file.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0, fmt.Errorf("write the report of refused lines: %w", err)
	}
	return size, nil
}

// Close closes the report; one without a refused line is removed.
func (r *Rejects) Close(empty bool) error {
	r.out.Flush()
	err := errors.Join(r.out.Error(), r.file.Close())
	if empty {
		err = errors.Join(err, os.Remove(r.file.Name()))
	}
	return err
}

// inert keeps a spreadsheet from calculating a cell: these beginnings make it a formula.
func inert(cell string) string {
	if strings.IndexAny(cell, "=+-@\t\r") == 0 {
		return "'" + cell
	}
	return cell
}
