package alipaysim

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"
)

// maxControl bounds a control body, in bytes.
const maxControl = 64 << 10

// attemptView is an attempt as the control door shows it.
type attemptView struct {
	CertifyID    string    `json:"certify_id"`
	OuterOrderNo string    `json:"outer_order_no"`
	State        string    `json:"state"`
	CreatedAt    time.Time `json:"created_at"`
	OpenedAt     time.Time `json:"opened_at,omitzero"`
	FinishedAt   time.Time `json:"finished_at,omitzero"`
	ExpiresAt    time.Time `json:"expires_at"`
}

func (s *Simulator) view(a attempt) attemptView {
	return attemptView{
		CertifyID: a.CertifyID, OuterOrderNo: a.OuterOrderNo, State: a.stateAt(s.cfg.Now()),
		CreatedAt: a.CreatedAt, OpenedAt: a.OpenedAt, FinishedAt: a.FinishedAt, ExpiresAt: a.expiresAt(),
	}
}

func (s *Simulator) listAttempts(w http.ResponseWriter, _ *http.Request) {
	views := []attemptView{}
	for _, a := range s.all() {
		views = append(views, s.view(a))
	}
	reply(w, http.StatusOK, map[string]any{"attempts": views})
}

// Decide plays the person: result is pass, fail, cancel or close.
func (s *Simulator) Decide(certifyID, result string) error {
	_, err := s.decide(certifyID, result)
	return err
}

func (s *Simulator) decideAttempt(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Result string `json:"result"`
	}
	if !readJSON(w, r, &in) {
		return
	}
	a, err := s.decide(r.PathValue("certify_id"), in.Result)
	if err != nil {
		reply(w, statusOf(err), map[string]string{"error": err.Error()})
		return
	}
	reply(w, http.StatusOK, s.view(a))
}

func statusOf(err error) int {
	switch {
	case errors.Is(err, errUnknownAttempt):
		return http.StatusNotFound
	case errors.Is(err, errUnknownResult), errors.Is(err, ErrFault):
		return http.StatusBadRequest
	case errors.Is(err, errExpired), errors.Is(err, errAlreadyPassed):
		return http.StatusConflict
	default:
		return http.StatusInternalServerError
	}
}

func (s *Simulator) listFaults(w http.ResponseWriter, _ *http.Request) {
	armed := s.Armed()
	if armed == nil {
		armed = []Fault{}
	}
	reply(w, http.StatusOK, map[string]any{"faults": armed, "kinds": kinds()})
}

func (s *Simulator) armFault(w http.ResponseWriter, r *http.Request) {
	var f Fault
	if !readJSON(w, r, &f) {
		return
	}
	if err := s.Arm(f); err != nil {
		reply(w, statusOf(err), map[string]string{"error": err.Error()})
		return
	}
	s.listFaults(w, r)
}

func (s *Simulator) disarmFaults(w http.ResponseWriter, r *http.Request) {
	s.Disarm()
	s.listFaults(w, r)
}

// readJSON refuses what it does not know, so that a misspelt field is noticed.
func readJSON(w http.ResponseWriter, r *http.Request, into any) bool {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxControl))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		reply(w, http.StatusBadRequest, map[string]string{"error": "alipaysim: body must be one JSON object with known fields only"})
		return false
	}
	return true
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
