package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"sync"
)

// following is what Follow is told.
type following struct {
	URL   string `json:"url"`
	Key   string `json:"key"`
	Pages int    `json:"pages"`
}

// opened is the line that Follow writes when every page has its first event.
const opened = "open"

// Follow opens pages that follow an account each, as one line of JSON on in says. It writes a line when all are open, and
// then one with the account's id for each event. It returns when in ends. Followers are a process of their own, so that
// what is measured of the server is the server's alone.
func Follow(ctx context.Context, in io.Reader, out io.Writer) error {
	lines := bufio.NewReader(in)
	text, err := lines.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("bench: what to follow: %w", err)
	}
	var f following
	if err := json.Unmarshal(text, &f); err != nil {
		return fmt.Errorf("bench: what to follow: %w", err)
	}
	if err := allowFiles(f.Pages + 100); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	var reading sync.WaitGroup
	defer reading.Wait()
	defer cancel()
	events, first := make(chan string, f.Pages), make(chan error, f.Pages)
	slots := make(chan struct{}, 64) // so many are opened at a time
	for n := range f.Pages {
		reading.Go(func() {
			slots <- struct{}{}
			seen := 0
			err := f.page(ctx, accountID(n), func() {
				if seen++; seen > 1 {
					events <- accountID(n)
					return
				}
				<-slots
				first <- nil
			})
			if seen == 0 {
				<-slots
				first <- errors.Join(errors.New("bench: a page does not open"), err)
			}
		})
	}
	for range f.Pages {
		if err := <-first; err != nil {
			return err
		}
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = lines.WriteTo(io.Discard) // until it ends, however
	}()
	for say := opened; ; {
		if _, err := fmt.Fprintln(out, say); err != nil {
			return err
		}
		select {
		case say = <-events:
		case <-ended:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// page reads the events of a page until its context ends.
func (f following) page(ctx context.Context, id string, told func()) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.URL+"/v1/accounts/"+id+"/verification/events", http.NoBody)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+f.Key)
	transport := &http.Transport{DisableKeepAlives: true, ReadBufferSize: 512, WriteBufferSize: 512}
	res, err := transport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the answer is %d", res.StatusCode)
	}
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "id:") {
			told()
		}
	}
	return lines.Err()
}

// openPages are pages that are open.
type openPages struct {
	told  chan string // the account of each event after the first of its page; closed with the pages
	close func() error
}

// open opens pages, and returns when each has its first event.
func (c Config) open(ctx context.Context, r *rig, pages int) (*openPages, error) {
	in, out, wait, err := c.follower(ctx)
	if err != nil {
		return nil, err
	}
	all := &openPages{told: make(chan string, pages)}
	all.close = func() error {
		err := in.Close()
		for range all.told { // until it is closed
		}
		return errors.Join(err, wait())
	}
	err = json.NewEncoder(in).Encode(following{r.url, r.key, pages})
	lines := bufio.NewScanner(out)
	if err != nil || !lines.Scan() || lines.Text() != opened {
		close(all.told)
		return nil, errors.Join(errors.New("bench: the pages do not open"), err, all.close())
	}
	go func() {
		defer close(all.told)
		for lines.Scan() {
			all.told <- lines.Text()
		}
	}()
	return all, nil
}

// follower starts Follow: as the process that Config names, or within this one. wait returns when it has ended.
func (c Config) follower(ctx context.Context) (in io.WriteCloser, out io.Reader, wait func() error, err error) {
	if len(c.Follower) == 0 {
		read, in := io.Pipe()
		out, write := io.Pipe()
		ended := make(chan error, 1)
		go func() {
			err := Follow(ctx, read, write)
			_ = read.CloseWithError(io.ErrClosedPipe) // returns no error
			_ = write.Close()
			ended <- err
		}()
		return in, out, func() error { return <-ended }, nil
	}
	command := exec.CommandContext(ctx, c.Follower[0], c.Follower[1:]...) //nolint:gosec // this program
	var said bytes.Buffer
	command.Stderr = &said
	if in, err = command.StdinPipe(); err != nil {
		return nil, nil, nil, err
	}
	if out, err = command.StdoutPipe(); err != nil {
		return nil, nil, nil, err
	}
	wait = func() error {
		if err := command.Wait(); err != nil {
			return fmt.Errorf("bench: the reader of pages: %w: %s", err, said.Bytes())
		}
		return nil
	}
	return in, out, wait, command.Start()
}
