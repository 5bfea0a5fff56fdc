package campaign

import (
	"archive/zip"
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/verigate/verigate/internal/safecsv"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// Sweeps lists the records of sweeps, newest first.
type Sweeps interface {
	Sweeps(ctx context.Context, before string, limit int) ([]store.Sweep, error)
}

// Manifest names the files of a pack of evidence. Its own digest is for whoever signs the pack to keep apart.
type Manifest struct {
	Policy  string         `json:"policy"`
	Version int            `json:"version"`
	Digest  string         `json:"policy_digest"` // sha256 of policy.yaml, as it was published
	At      time.Time      `json:"at"`
	Files   []ManifestFile `json:"files"`
}

// ManifestFile is one file of a pack.
type ManifestFile struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
	Words  string `json:"words"` // what it holds
}

// pack is a zip being written.
type pack struct {
	zip      *zip.Writer
	at       time.Time
	manifest Manifest
}

// zip writes policy.yaml, rows.csv, restrictions.csv, summary.json, sweeps.ndjson and manifest.json. Rows and entries
// are of one pass, so they tell the same: the entries wait in a temporary file until the rows are written.
func (r Report) zip(ctx context.Context, to io.Writer) (err error) {
	p := &pack{zip: zip.NewWriter(to), at: r.At, manifest: Manifest{
		Policy: r.Version.Name, Version: r.Version.Number, Digest: r.Version.Digest, At: r.At.In(r.Version.zone),
	}}
	waiting, err := os.CreateTemp("", "verigate-report-*")
	if err != nil {
		return fmt.Errorf("campaign: temporary file: %w", err)
	}
	defer func() { err = errors.Join(err, waiting.Close(), os.Remove(waiting.Name())) }()
	err = p.file("policy.yaml", "the policy as it was published", func(w io.Writer) error {
		_, err := w.Write(r.Version.Text)
		return err
	})
	if err != nil {
		return err
	}
	var summary *Summary
	err = p.file("rows.csv", "every account that the version covers, once", func(w io.Writer) (err error) {
		summary, err = r.rowsAndEntries(ctx, w, waiting)
		return err
	})
	if err != nil {
		return err
	}
	if _, err := waiting.Seek(0, io.SeekStart); err != nil {
		return err
	}
	err = errors.Join(
		p.file("restrictions.csv", "the restrict and lift entries of the log, by account", func(w io.Writer) error {
			_, err := io.Copy(w, waiting)
			return err
		}),
		p.json("summary.json", "the sums of rows.csv", summary),
		p.file("sweeps.ndjson", "the sweeps of the policy, newest first", func(w io.Writer) error { return r.sweeps(ctx, w) }),
	)
	if err != nil {
		return err
	}
	if err := p.json("manifest.json", "", p.manifest); err != nil {
		return err
	}
	return p.zip.Close()
}

func (r Report) rowsAndEntries(ctx context.Context, rows, entries io.Writer) (*Summary, error) {
	buffered := bufio.NewWriter(entries)
	w := safecsv.NewWriter(buffered)
	if err := w.Write("account_id", "seq", "event", "at", "recorded_at", "rule", "policy_version", "since", "actions", "reason", "opened_seq", "sweep"); err != nil {
		return nil, err
	}
	summary, err := r.csv(ctx, rows, func(e store.Entry) error { return w.Write(entryCells(e, r.Version.zone)...) })
	return summary, errors.Join(err, w.Flush(), buffered.Flush())
}

func entryCells(e store.Entry, zone *time.Location) []string {
	d := e.Detail.Restricted
	opened := strconv.FormatInt(e.Seq, 10)
	if e.Event == lifecycle.Lift {
		opened = strconv.FormatInt(d.Opened, 10)
	}
	return []string{
		e.AccountID, strconv.FormatInt(e.Seq, 10), string(e.Event), stamp(e.At.In(zone)), stamp(e.RecordedAt.In(zone)), d.Rule,
		strconv.Itoa(d.PolicyVersion), stamp(d.Since.In(zone)), strings.Join(d.Actions, " "), e.Reason, opened, d.Sweep,
	}
}

// sweeps writes the records of the policy's sweeps.
func (r Report) sweeps(ctx context.Context, to io.Writer) error {
	const page = 500
	out := json.NewEncoder(to)
	for before := ""; ; {
		list, err := r.Sweeps.Sweeps(ctx, before, page)
		if err != nil {
			return fmt.Errorf("campaign: read the sweeps: %w", err)
		}
		for _, s := range list {
			if s.PolicyName != r.Version.Name {
				continue
			}
			if err := out.Encode(viewSweep(s, r.Version.zone)); err != nil {
				return err
			}
		}
		if len(list) < page {
			return nil
		}
		before = list[len(list)-1].ID
	}
}

type sweepView struct {
	ID         string    `json:"id"`
	Version    int       `json:"policy_version"`
	Instant    time.Time `json:"instant"`
	DryRun     bool      `json:"dry_run"`
	By         string    `json:"by"`
	Reason     string    `json:"reason"`
	State      string    `json:"state"`
	Accounts   int       `json:"accounts"`
	Restricted int       `json:"restricted"`
	Lifted     int       `json:"lifted"`
	StartedAt  time.Time `json:"started_at"`
	EndedAt    time.Time `json:"ended_at,omitzero"`
}

func viewSweep(s store.Sweep, zone *time.Location) sweepView {
	v := sweepView{
		ID: s.ID, Version: s.PolicyVersion, Instant: s.Instant.In(zone), DryRun: s.DryRun, By: string(s.Actor.Kind) + "/" + s.Actor.ID,
		Reason: s.Reason, State: string(s.State), Accounts: s.Done, Restricted: s.Restricted, Lifted: s.Lifted, StartedAt: s.StartedAt.In(zone),
	}
	if !s.EndedAt.IsZero() {
		v.EndedAt = s.EndedAt.In(zone)
	}
	return v
}

// file adds a file and its digest. An empty description keeps it out of the manifest, which is the last file.
func (p *pack) file(name, words string, write func(io.Writer) error) error {
	to, err := p.zip.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: p.at})
	if err != nil {
		return err
	}
	counted := &digester{to: to, hash: sha256.New()}
	buffered := bufio.NewWriter(counted)
	if err := errors.Join(write(buffered), buffered.Flush()); err != nil {
		return err
	}
	if words != "" {
		p.manifest.Files = append(p.manifest.Files, ManifestFile{name, counted.bytes, hex.EncodeToString(counted.hash.Sum(nil)), words})
	}
	return nil
}

func (p *pack) json(name, words string, value any) error {
	return p.file(name, words, func(w io.Writer) error {
		out := json.NewEncoder(w)
		out.SetIndent("", "  ")
		return out.Encode(value)
	})
}

type digester struct {
	to    io.Writer
	hash  hash.Hash
	bytes int64
}

func (d *digester) Write(data []byte) (int, error) {
	n, err := d.to.Write(data)
	d.bytes += int64(n)
	_, _ = d.hash.Write(data[:n]) // a hash never fails
	return n, err
}
