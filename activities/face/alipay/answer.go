package alipay

import (
	"bytes"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// answer is one authenticated answer of the gateway.
type answer struct {
	fields map[string]json.RawMessage // of the node
	code   string
	sub    string
	signed bool
	digest string // hex SHA-256 of the verified bytes, "" if unsigned
}

// text returns a field that must be a JSON string.
func (a answer) text(name string) (string, bool) {
	var s string
	raw, ok := a.fields[name]
	if !ok || json.Unmarshal(raw, &s) != nil {
		return "", false
	}
	return s, true
}

// Why an answer is not believed. notJSON means that something other than the
// gateway spoke (a proxy's page, a cut body); the others are suspicious.
var (
	errNotJSON    = errors.New("not_json")
	errDuplicate  = errors.New("duplicate_node")
	errWrongNode  = errors.New("wrong_node")
	errBadSign    = errors.New("sign_mismatch")
	errUnsigned   = errors.New("unsigned_success")
	errCertSN     = errors.New("alipay_cert_sn_mismatch")
	errMalformed  = errors.New("malformed_node")
	errOtherOrder = errors.New("other_order")
	// errPassedValue: signed, but neither T nor F; nobody is passed or failed by it.
	errPassedValue = errors.New("passed_unknown")
)

const (
	codeSuccess = "10000"
	errorNode   = "error_response"
)

// verifier opens the envelope of an answer.
type verifier struct {
	key *rsa.PublicKey
	// certSN is the certificate that answers must be signed under; "" in
	// plain-key mode, where the field is ignored.
	certSN string
}

// open authenticates body as the answer to method. It fails with one of the
// errors above, which carry no content.
func (v verifier) open(method string, body []byte) (answer, error) {
	top, err := members(body)
	if err != nil {
		return answer{}, err
	}
	own := strings.ReplaceAll(method, ".", "_") + "_response"
	node, name := top[own], own
	for other := range top {
		if other == own || (other != errorNode && !strings.HasSuffix(other, "_response")) {
			continue
		}
		if node != nil || other != errorNode {
			return answer{}, errWrongNode
		}
		node, name = top[errorNode], errorNode
	}
	if node == nil {
		return answer{}, errWrongNode
	}

	a, content := answer{}, []byte(node)
	if signature, ok := textOf(top["sign"]); ok && signature != "" {
		if v.certSN != "" {
			if sn, _ := textOf(top["alipay_cert_sn"]); sn != v.certSN {
				return answer{}, errCertSN
			}
		}
		if content, a.signed = verify(v.key, content, signature); !a.signed {
			return answer{}, errBadSign
		}
		sum := sha256.Sum256(content)
		a.digest = hex.EncodeToString(sum[:])
	}
	// From here on only content counts: what was verified is what is parsed.
	if a.fields, err = members(content); err != nil {
		return answer{}, errMalformed
	}
	var ok bool
	if a.code, ok = a.text("code"); !ok {
		return answer{}, errMalformed
	}
	a.sub, _ = a.text("sub_code")
	if a.code == codeSuccess && name == errorNode {
		return answer{}, errWrongNode
	}
	if a.code == codeSuccess && !a.signed {
		return answer{}, errUnsigned
	}
	return a, nil
}

func textOf(raw json.RawMessage) (s string, ok bool) {
	return s, raw != nil && json.Unmarshal(raw, &s) == nil
}

// members splits one JSON object into its members, values byte for byte as
// received. encoding/json would let the last of two equal names win and match
// names in any case; here a repeated name is errDuplicate, names are exact, and
// anything after the object is errNotJSON.
func members(body []byte) (map[string]json.RawMessage, error) {
	dec := json.NewDecoder(bytes.NewReader(body))
	if tok, err := dec.Token(); err != nil || tok != json.Delim('{') {
		return nil, errNotJSON
	}
	all := map[string]json.RawMessage{}
	for dec.More() {
		tok, err := dec.Token()
		name, ok := tok.(string)
		if err != nil || !ok {
			return nil, errNotJSON
		}
		if _, twice := all[name]; twice {
			return nil, errDuplicate
		}
		var raw json.RawMessage
		if dec.Decode(&raw) != nil {
			return nil, errNotJSON
		}
		all[name] = raw
	}
	if tok, err := dec.Token(); err != nil || tok != json.Delim('}') {
		return nil, errNotJSON
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errNotJSON
	}
	return all, nil
}
