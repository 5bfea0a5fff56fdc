package web

import (
	"context"
	"slices"
	"strings"

	"github.com/verigate/verigate/workflows/lifecycle"
)

// site is one address of the merchant's way.
type site string

const (
	pageStatus      site = "status"      // the account page: what is the state, what can be done
	pageUpdate      site = "update"      // the risk notice
	pageForm        site = "form"        // real-name information
	pageReview      site = "review"      // waiting for the review
	pageRejected    site = "rejected"    // the review refused
	pageTerms       site = "terms"       // consent to face processing
	pageQR          site = "qr"          // the code
	pageDone        site = "done"        // verified
	pageFailed      site = "failed"      // the attempt failed
	pageLocked      site = "locked"      // no attempts left for now
	pageManual      site = "manual"      // waiting on the route without a face
	pageEvidence    site = "evidence"    // giving what that route is decided on
	pageAlternative site = "alternative" // choosing that route
	pageWithdraw    site = "withdraw"    // taking the consent back
)

func (p site) path() string {
	if p == pageStatus {
		return "/m/"
	}
	return "/m/" + string(p)
}

func (p site) pattern() string {
	if p == pageStatus {
		return "/m/{$}"
	}
	return p.path()
}

// waits reports whether nobody types on the page, so that it may be redrawn under the reader's eyes.
func (p site) waits() bool {
	return !slices.Contains([]site{pageUpdate, pageForm, pageTerms, pageEvidence, pageAlternative, pageWithdraw}, p)
}

// can reports whether the state allows a step.
func (v *visit) can(step lifecycle.Step) bool { return slices.Contains(v.status.Allowed, step) }

// main is the page of the present state.
func (v *visit) main() site {
	switch v.head.State {
	case lifecycle.Submitted, lifecycle.UnderReview:
		return pageReview
	case lifecycle.Rejected:
		return pageRejected
	case lifecycle.Approved:
		switch {
		case v.codeEnded():
			return pageQR
		case v.can(lifecycle.StepStartFace):
			return pageTerms
		default:
			return pageStatus // approved by an older process: the information has to be given first
		}
	case lifecycle.QRIssued, lifecycle.Scanned:
		return pageQR
	case lifecycle.Verified:
		return pageDone
	case lifecycle.FaceFailed:
		return pageFailed
	case lifecycle.Locked:
		return pageLocked
	case lifecycle.ManualReview:
		return pageManual
	case lifecycle.Unverified:
		return pageStatus
	default:
		return pageStatus
	}
}

// fits reports whether a page says or offers something that is true now.
func (v *visit) fits(p site) bool {
	switch p {
	case pageStatus:
		return true
	case pageUpdate:
		return v.update != updateNone
	case pageForm:
		return v.update != updateNone && v.session.Notice == NoticeVersion
	case pageTerms:
		return v.can(lifecycle.StepStartFace) && (v.head.State == lifecycle.Approved || v.head.State == lifecycle.FaceFailed)
	case pageEvidence:
		return v.main() == pageManual
	case pageAlternative:
		return v.can(lifecycle.StepChooseManual)
	case pageWithdraw:
		return v.can(lifecycle.StepWithdrawConsent)
	case pageReview, pageRejected, pageQR, pageDone, pageFailed, pageLocked, pageManual:
		return v.main() == p
	default:
		return false
	}
}

// codeEnded: the QR code is over and the attempt behind it lives, so that another code needs no new consent.
func (v *visit) codeEnded() bool {
	return v.head.State == lifecycle.Approved && v.head.Consent != nil && v.head.Live(v.now) != nil && v.can(lifecycle.StepStartFace)
}

// shown reports whether a code that works is on the page.
func (v *visit) shown() bool { return v.head.Lease != nil && v.now.Before(v.head.Lease.ExpiresAt) }

// version names what a page shows: the log, and what time alone changes.
func (v *visit) version() string {
	var passed strings.Builder
	passed.WriteString(number(v.head.Seq))
	if v.head.Lease != nil && !v.shown() {
		passed.WriteString("-ended")
	}
	if v.head.State == lifecycle.Locked && !v.now.Before(v.head.UnlockAt) {
		passed.WriteString("-due")
	}
	return passed.String()
}

// updateRight says by which right the merchant may give other real-name information.
type updateRight int

const (
	updateNone    updateRight = iota
	updateSubmit              // no attempt was made with the present information
	updateCorrect             // the policy grants a correction now
)

func (s *Server) mayUpdate(ctx context.Context, v *visit) (updateRight, error) {
	switch {
	case v.can(lifecycle.StepSubmit):
		return updateSubmit, nil
	case !v.can(lifecycle.StepCorrect):
		return updateNone, nil
	}
	right, err := s.cfg.Rules.Correction(ctx, v.session.AccountID, v.now)
	if err != nil {
		return updateNone, err
	}
	if right.Allows(v.now, v.head.Corrections) {
		return updateCorrect, nil
	}
	return updateNone, nil
}
