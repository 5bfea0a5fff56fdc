package bulk

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

const (
	// partLines and partBytes bound a part, which is one request: small enough for any proxy's bound in time, large
	// enough that requests do not count.
	partLines = 10_000
	partBytes = 4 << 20
	// keepLine is how many bytes of a line are sent at most. It is one more than the API takes, so that it refuses the
	// line and says why.
	keepLine = 64<<10 + 1
	// keepText is how many bytes of a refused line are reported.
	keepText = 1000
	readSize = 64 << 10
)

// part is some whole lines.
type part struct {
	before Place // where it begins
	lines  [][]byte
}

// parts divides a file.
type parts struct {
	in   *bufio.Reader
	most int   // lines of a part
	at   Place // after what was read
}

// header reads the first line.
func (p *parts) header() ([]byte, error) {
	header, err := p.line()
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return header, err
}

// next reads the next part; at the end of the file it has no lines.
func (p *parts) next() (part, error) {
	next := part{before: p.at}
	for size := 0; len(next.lines) < p.most && size < partBytes; {
		line, err := p.line()
		if len(line) > 0 {
			next.lines = append(next.lines, line)
			size += len(line)
		}
		if errors.Is(err, io.EOF) {
			return next, nil
		}
		if err != nil {
			return next, err
		}
	}
	return next, nil
}

// line reads one line, with a line end even where the file has none. Of a very long line it keeps the beginning.
func (p *parts) line() ([]byte, error) {
	var line []byte
	for {
		text, err := p.in.ReadSlice('\n')
		p.at.Offset += int64(len(text))
		line = append(line, text[:min(len(text), keepLine-min(len(line), keepLine))]...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil && !errors.Is(err, io.EOF):
			return nil, fmt.Errorf("read the file: %w", err)
		case len(line) == 0:
			return nil, io.EOF
		}
		p.at.Line++
		if !bytes.HasSuffix(line, []byte("\n")) {
			line = append(line, '\n')
		}
		return line, err
	}
}

func excerpt(line []byte) string {
	text := bytes.TrimRight(line, "\r\n")
	return strings.ToValidUTF8(string(text[:min(len(text), keepText)]), "\uFFFD")
}
