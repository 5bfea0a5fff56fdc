package bulk_test

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/verigate/verigate/internal/bulk"
)

// fakeAPI answers as an import does: it refuses lines with "bad" in them, and knows what it has created.
type fakeAPI struct {
	csv      bool
	header   string
	known    map[string]int // how often each good line was sent
	failing  func() bool    // before each part: it is not taken
	breaking func() bool    // after a line: the connection is lost
}

var errLost = errors.New("connection lost")

func (f *fakeAPI) send(mediaType string, body io.Reader) (io.ReadCloser, error) {
	if f.failing() {
		return nil, errLost
	}
	if want := map[bool]string{true: "text/csv", false: "application/x-ndjson"}[f.csv]; mediaType != want {
		return nil, fmt.Errorf("media type is %s", mediaType)
	}
	var answers bytes.Buffer
	var counts bulk.Counts
	in := bufio.NewReader(body)
	for number := 1; ; number++ {
		line, err := in.ReadString('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		if number == 1 && f.csv {
			if line != f.header+"\n" {
				return nil, fmt.Errorf("header is %q", line)
			}
			continue
		}
		text := strings.TrimSpace(line)
		if text == "" {
			continue
		}
		counts.Lines++
		result := map[string]any{"line": number, "account_id": text, "result": "created"}
		switch {
		case strings.Contains(text, "bad"):
			counts.Errors++
			result["problem"] = bulk.Problem{Code: "validation_failed", Errors: []bulk.Fault{{"kind", "is missing"}, {"region", "is missing"}}}
		case f.known[text] > 0:
			counts.Unchanged++
		default:
			counts.Created++
		}
		f.known[text]++
		_ = json.NewEncoder(&answers).Encode(result)
		if f.breaking() {
			return io.NopCloser(&answers), nil // ends without a summary
		}
	}
	_ = json.NewEncoder(&answers).Encode(map[string]any{"summary": counts})
	return io.NopCloser(&answers), nil
}

// TestRunsTakeUpWhereOneEnded: whatever breaks off, starting again until the end is reached leaves every line taken and
// every refused line reported once, with its number.
func TestRunsTakeUpWhereOneEnded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		path := filepath.Join(dir, strconv.Itoa(n))
		f := &fakeAPI{csv: rapid.Bool().Draw(t, "csv"), header: "account_id,kind", known: map[string]int{}}
		lines := rapid.SliceOfN(rapid.SampledFrom([]string{"good", "good", "good", "bad", "", "-bad,=1+1"}), 0, 40).Draw(t, "lines")
		var refused []string
		var text strings.Builder
		format := bulk.NDJSON
		if f.csv {
			format = bulk.CSV
			text.WriteString(f.header + "\n")
		}
		for i, line := range lines {
			if line != "" {
				lines[i] = fmt.Sprintf("%s-%d", line, i)
			}
			number := i + 1
			if f.csv {
				number++
			}
			if strings.Contains(line, "bad") {
				refused = append(refused, strconv.Itoa(number))
			}
			text.WriteString(lines[i])
			if i < len(lines)-1 || rapid.Bool().Draw(t, "line end") {
				text.WriteString(rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "end"))
			}
		}
		attempts := 0
		f.failing = func() bool { return attempts < 20 && rapid.IntRange(0, 9).Draw(t, "fail") == 0 }
		f.breaking = func() bool { return attempts < 20 && rapid.IntRange(0, 9).Draw(t, "break") == 0 }

		var progress bulk.Progress
		for {
			attempts++
			var err error
			progress, err = runOnce(path, format, text.String(), f.send)
			if err == nil {
				break
			}
			var ended *bulk.EndedError
			require.ErrorAs(t, err, &ended)
			require.Equal(t, progress.Reached.Line+headerLine(progress, f.csv), ended.Line)
			require.Less(t, attempts, 30)
		}
		good := 0
		for _, line := range lines {
			if line != "" {
				require.Positive(t, f.known[line], "line %q was not sent", line)
				good++
			}
		}
		require.Equal(t, good, progress.Counts.Lines)
		require.Equal(t, len(refused), progress.Counts.Errors)
		require.Equal(t, good-len(refused), progress.Counts.Created+progress.Counts.Unchanged)
		require.Equal(t, refused, reported(t, path+".rejects"))
	})
}

// headerLine: before the first part of a CSV is answered, only its header was read.
func headerLine(p bulk.Progress, isCSV bool) int {
	if isCSV && p.Reached.Line == 0 {
		return 1
	}
	return 0
}

// runOnce does what one start of the command does.
func runOnce(path string, format bulk.Format, text string, send func(string, io.Reader) (io.ReadCloser, error)) (bulk.Progress, error) {
	in := strings.NewReader(text)
	digest, err := bulk.Digest(in)
	if err != nil {
		return bulk.Progress{}, err
	}
	progress, err := bulk.Resume(path, bulk.Progress{Digest: digest, Server: "s", Format: format})
	if err != nil {
		return progress, err
	}
	rejects, err := bulk.OpenRejects(path+".rejects", progress.Rejects)
	if err != nil {
		return progress, err
	}
	run := bulk.Import{
		Format: format, Lines: 3, Send: send, Refused: rejects.Add,
		Reached: func(place bulk.Place, counts bulk.Counts) (err error) {
			progress.Add(place, counts)
			if progress.Rejects, err = rejects.Size(); err != nil {
				return err
			}
			return progress.Save(path)
		},
	}
	err = run.Run(in, progress.Reached, func(to int64) error {
		_, err := in.Seek(to, io.SeekStart)
		return err
	})
	return progress, errors.Join(err, rejects.Close(false))
}

// reported returns the lines of a report, each once however many faults it has.
func reported(t require.TestingT, path string) []string {
	file, err := os.Open(path)
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	rows, err := csv.NewReader(file).ReadAll()
	require.NoError(t, err)
	require.Equal(t, []string{"line", "account_id", "code", "field", "message", "text"}, rows[0])
	var lines []string
	for i, row := range rows[1:] {
		for _, cell := range row {
			require.NotRegexp(t, `^[=+@\t\r-]`, cell, "a spreadsheet would calculate it")
		}
		if i%2 == 0 { // two faults each
			lines = append(lines, row[0])
		} else {
			require.Equal(t, lines[len(lines)-1], row[0])
		}
	}
	return lines
}

func TestResumeIsForTheSameFileServerAndFormat(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "p")
	begun := bulk.Progress{Digest: "d", Server: "s", Format: bulk.CSV}
	got, err := bulk.Resume(path, begun)
	require.NoError(t, err)
	require.Equal(t, begun, got)

	left := begun
	left.Add(bulk.Place{Offset: 10, Line: 2}, bulk.Counts{Lines: 2, Created: 1, Errors: 1})
	require.NoError(t, left.Save(path))
	got, err = bulk.Resume(path, begun)
	require.NoError(t, err)
	require.Equal(t, left, got)
	for name, other := range map[string]bulk.Progress{
		"file": {Digest: "e", Server: "s", Format: bulk.CSV}, "server": {Digest: "d", Server: "t", Format: bulk.CSV},
		"format": {Digest: "d", Server: "s", Format: bulk.NDJSON},
	} {
		got, err = bulk.Resume(path, other)
		require.NoError(t, err)
		require.Equal(t, other, got, name)
	}
	require.NoError(t, os.WriteFile(path, []byte("{"), 0o600))
	_, err = bulk.Resume(path, begun)
	require.ErrorContains(t, err, "remove it to begin anew")
	require.NoError(t, bulk.Forget(path))
	require.NoError(t, bulk.Forget(path), "there is nothing to forget")
}

// TestLongLinesAreCut: what is kept of a line has a bound, and is still more than the API takes.
func TestLongLinesAreCut(t *testing.T) {
	t.Parallel()
	var got []int
	run := bulk.Import{
		Format: bulk.NDJSON,
		Send: func(_ string, body io.Reader) (io.ReadCloser, error) {
			text, err := io.ReadAll(body)
			for line := range strings.Lines(string(text)) {
				got = append(got, len(line))
			}
			return io.NopCloser(strings.NewReader(`{"summary":{}}`)), err
		},
		Reached: func(p bulk.Place, _ bulk.Counts) error {
			require.Equal(t, bulk.Place{Offset: 200_000 + 1 + 3, Line: 2}, p)
			return nil
		},
	}
	require.NoError(t, run.Run(strings.NewReader(strings.Repeat("x", 200_000)+"\nab\n"), bulk.Place{}, nil))
	require.Equal(t, []int{64<<10 + 2, 3}, got)
}

func TestAnswersThatAreNoAnswer(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"nothing":          "",
		"no summary":       `{"line":1,"account_id":"a1","result":"created"}`,
		"nonsense":         "hello",
		"an unsent line":   `{"line":7,"problem":{"code":"x"}}` + "\n" + `{"summary":{"lines":1}}`,
		"ended early":      `{"summary":{"lines":0,"problem":{"code":"store_unavailable","title":"later"}}}`,
		"cut in the midst": `{"summary":{"li`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := bulk.Import{
				Format: bulk.NDJSON, Refused: func(bulk.Refused) error { return nil },
				Send:    func(string, io.Reader) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil },
				Reached: func(bulk.Place, bulk.Counts) error { t.Fatal("nothing was reached"); return nil },
			}
			var ended *bulk.EndedError
			require.ErrorAs(t, run.Run(strings.NewReader("x\n"), bulk.Place{}, nil), &ended)
		})
	}
}
