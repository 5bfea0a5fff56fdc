package web

import (
	"html/template"
	"strconv"
	"strings"
	"time"

	"github.com/skip2/go-qrcode"

	"github.com/verigate/verigate/workflows/lifecycle"
)

// Stages of the QR page.
const (
	stageWaiting = "waiting" // for the scan
	stageScanned = "scanned" // go on with the phone
	stageEnded   = "ended"   // another code can be had
	stageMissing = "missing" // the code cannot be drawn now
)

type qrPage struct {
	*frame
	Stage   string
	Code    *drawing
	Link    string       // what the code leads to, to be opened on a phone that cannot scan
	App     template.URL // opens the provider's app on this phone; "" elsewhere
	OnPhone bool
	Expires time.Time
	Left    time.Duration

	Renewable bool // the engine has taken note of the end: the script may ask for another code
}

// Minutes and Seconds are what is left of the code.
func (p *qrPage) Minutes() int { return int(p.Left / time.Minute) }

// Seconds is the rest of the minute, in two digits.
func (p *qrPage) Seconds() string {
	s := int(p.Left/time.Second) % 60
	if s < 10 {
		return "0" + strconv.Itoa(s)
	}
	return strconv.Itoa(s)
}

func (s *Server) qrPage(v *visit, f *frame) (any, error) {
	p := &qrPage{frame: f, Stage: stageEnded, OnPhone: onPhone(v.r)}
	if !v.shown() {
		p.Renewable = v.codeEnded()
		return p, nil
	}
	p.Stage, p.Expires, p.Left = stageWaiting, v.head.Lease.ExpiresAt, v.head.Lease.ExpiresAt.Sub(v.now)
	if v.head.State == lifecycle.Scanned {
		p.Stage = stageScanned
	}
	if err := s.lead(v, p); err != nil {
		s.cfg.Logger.WarnContext(v.r.Context(), "QR code cannot be shown", "error", err)
		p.Stage, p.Code = stageMissing, nil
	}
	return p, nil
}

// lead finds the ways to the provider: the code and, on a phone, the app.
func (s *Server) lead(v *visit, p *qrPage) error {
	p.Link = s.cfg.Links.ScanURL(v.head.Lease.ID)
	content := p.Link
	if attempt := v.head.Attempt(v.head.Lease.AttemptID); attempt != nil && (p.OnPhone || s.cfg.ProviderQR) {
		launch, err := s.cfg.Launcher.Open(v.r.Context(), v.session.AccountID, *attempt)
		switch {
		case err != nil && s.cfg.ProviderQR:
			return err
		case err != nil: // our own link leads to the same place
			s.cfg.Logger.WarnContext(v.r.Context(), "no link into the provider's app", "error", err)
		default:
			if s.cfg.ProviderQR {
				content = launch.QR
			}
			if p.OnPhone && strings.HasPrefix(launch.App, "alipays://") {
				p.App = template.URL(launch.App) //nolint:gosec // the provider adapter's own link, its scheme checked
			}
		}
	}
	var err error
	p.Code, err = draw(content)
	return err
}

// drawing is a QR code as the path of an SVG picture. A module is one unit, and the quiet zone of four modules is
// inside.
type drawing struct {
	Size  int // in modules
	Width int // in CSS pixels: the same whole number for each module
	Path  string
}

// codeRoom is what a page of 320 px has for a code. The script of the page takes more where there is more.
const codeRoom = 250

func draw(content string) (*drawing, error) {
	code, err := qrcode.New(content, qrcode.Medium)
	if err != nil {
		return nil, err
	}
	rows := code.Bitmap() // with the quiet zone of four modules
	var b strings.Builder
	for y, row := range rows {
		for x := 0; x < len(row); x++ {
			if !row[x] {
				continue
			}
			begin := x
			for x < len(row) && row[x] {
				x++
			}
			b.WriteString("M" + strconv.Itoa(begin) + " " + strconv.Itoa(y) + "h" + strconv.Itoa(x-begin) + "v1h-" + strconv.Itoa(x-begin) + "z")
		}
	}
	return &drawing{Size: len(rows), Width: len(rows) * max(1, codeRoom/len(rows)), Path: b.String()}, nil
}
