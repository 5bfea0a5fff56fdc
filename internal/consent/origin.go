package consent

import "encoding/json"

// Origin is where a consent came from. It is kept sealed, as its JSON.
type Origin struct {
	Address   string `json:"address"`
	UserAgent string `json:"user_agent"`
}

// Text is the JSON that is sealed.
func (o Origin) Text() (string, error) {
	text, err := json.Marshal(o)
	return string(text), err
}
