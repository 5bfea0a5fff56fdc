package lifecycle

import "time"

// Case is one stay of an account where a reviewer has to decide. A decision that names its case is not taken for another
// one: the merchant may have corrected the information, or chosen the manual route anew, since the reviewer looked.
type Case struct {
	Since    time.Time `json:"since,omitzero"`     // when the state was entered
	Revision int       `json:"revision,omitempty"` // of the real-name information
}

// Case returns the present one.
func (v Verification) Case() Case { return Case{Since: v.Since, Revision: v.Revision} }

// CheckCase returns the *Refusal of a decision on another case than the present one. The zero Case fits any.
func (v Verification) CheckCase(c Case) error {
	if c == (Case{}) || c.Since.Equal(v.Since) && c.Revision == v.Revision {
		return nil
	}
	return v.refuse(CodeCaseMoved)
}
