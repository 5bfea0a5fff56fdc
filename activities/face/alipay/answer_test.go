package alipay

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/activities/face"
)

// Forgeries, built from truly signed answers: each must be refused by name.
func TestForgedAnswersAreRefused(t *testing.T) {
	t.Parallel()
	v := simVerifier(t)
	ok, passedT, certMode := response(t, "initialize.response.ok"), response(t, "query.response.passed"), response(t, "initialize.response.cert_mode")
	const queryNode = `"alipay_user_certify_open_query_response":`
	forged := queryNode + `{"code":"10000","msg":"Success","passed":"T"}`
	cut := strings.Index(passedT, `,"sign":`)

	for name, c := range map[string]struct {
		verifier verifier
		method   string
		body     string
		want     error
	}{
		"unsigned success":          {v, methodQuery, passedT[:cut] + "}", errUnsigned},
		"empty sign":                {v, methodQuery, passedT[:cut] + `,"sign":""}`, errUnsigned},
		"sign of another type":      {v, methodQuery, passedT[:cut] + `,"sign":["x"]}`, errUnsigned},
		"sign not base64":           {v, methodQuery, passedT[:cut] + `,"sign":"%%"}`, errBadSign},
		"F made T":                  {v, methodQuery, strings.Replace(response(t, "query.response.not_passed"), `"F"`, `"T"`, 1), errBadSign},
		"second node after":         {v, methodQuery, strings.TrimSuffix(passedT, "}") + "," + forged + "}", errDuplicate},
		"second node before":        {v, methodQuery, "{" + forged + "," + passedT[1:], errDuplicate},
		"second node, escaped name": {v, methodQuery, strings.TrimSuffix(passedT, "}") + "," + strings.Replace(forged, "query", `\u0071uery`, 1) + "}", errDuplicate},
		"second sign":               {v, methodQuery, strings.TrimSuffix(passedT, "}") + `,"sign":"x"}`, errDuplicate},
		"node of another method":    {v, methodQuery, ok, errWrongNode},
		"two methods' nodes":        {v, methodQuery, strings.TrimSuffix(passedT, "}") + `,"alipay_user_certify_open_initialize_response":{}}`, errWrongNode},
		"error node beside":         {v, methodQuery, strings.TrimSuffix(passedT, "}") + `,"error_response":{"code":"40002"}}`, errWrongNode},
		"success as error node":     {v, methodQuery, strings.Replace(passedT, "alipay_user_certify_open_query_response", errorNode, 1), errWrongNode},
		"no node":                   {v, methodQuery, `{"sign":"x"}`, errWrongNode},
		"node null":                 {v, methodQuery, `{` + queryNode + `null}`, errMalformed},
		"node without code":         {v, methodQuery, `{` + queryNode + `{"msg":"x"}}`, errMalformed},
		"code a number":             {v, methodQuery, `{` + queryNode + `{"code":40004}}`, errMalformed},
		"code twice":                {v, methodQuery, `{` + queryNode + `{"code":"40004","code":"10000"}}`, errMalformed},
		"encrypted":                 {v, methodQuery, `{` + queryNode + `"AAAA"}`, errMalformed},
		"text after":                {v, methodQuery, passedT + "{}", errNotJSON},
		"cut":                       {v, methodQuery, passedT[:len(passedT)/2], errNotJSON},
		"empty":                     {v, methodQuery, "", errNotJSON},
		"array":                     {v, methodQuery, "[" + passedT + "]", errNotJSON},
		"html":                      {v, methodQuery, "<html>", errNotJSON},
		"other cert_sn":             {verifier{v.key, "ffff"}, methodInitialize, certMode, errCertSN},
		"cert_sn missing":           {verifier{v.key, "05d88faef76d723019c5c14d3ecd014a"}, methodInitialize, ok, errCertSN},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := c.verifier.open(c.method, []byte(c.body))
			require.ErrorIs(t, err, c.want)
		})
	}

	_, err := verifier{v.key, "05d88faef76d723019c5c14d3ecd014a"}.open(methodInitialize, []byte(certMode))
	require.NoError(t, err)
}

// The node's name is not signed: a truly signed answer under another name opens,
// and it is the method's own field that is then missing.
func TestOtherMethodsContentLacksOurField(t *testing.T) {
	t.Parallel()
	renamed := strings.Replace(response(t, "initialize.response.ok"), "initialize", "query", 1)
	a, err := simVerifier(t).open(methodQuery, []byte(renamed))
	require.NoError(t, err)
	require.NotContains(t, a.fields, "passed")
}

func TestSpaceAroundTheNodeIsNotSigned(t *testing.T) {
	t.Parallel()
	spaced := strings.Replace(response(t, "query.response.passed"), `:{"code"`, " : \n\t"+`{"code"`, 1)
	a, err := simVerifier(t).open(methodQuery, []byte(spaced))
	require.NoError(t, err)
	for _, v := range vectors(t).Responses {
		if v.Name == "query.response.passed" {
			sum := sha256.Sum256([]byte(v.Signed))
			require.Equal(t, hex.EncodeToString(sum[:]), a.digest)
		}
	}
}

// A gateway that escapes slashes on the wire after signing without.
func TestEscapedSlashes(t *testing.T) {
	t.Parallel()
	keys := newTestKey(t)
	signed := `{"code":"10000","msg":"a/b","passed":"F"}`
	sig, err := sign(keys, signed)
	require.NoError(t, err)
	raw := `{"alipay_user_certify_open_query_response":` + strings.ReplaceAll(signed, "/", `\/`) + `,"sign":"` + sig + `"}`
	a, err := verifier{key: &keys.PublicKey}.open(methodQuery, []byte(raw))
	require.NoError(t, err)
	sum := sha256.Sum256([]byte(signed))
	require.Equal(t, hex.EncodeToString(sum[:]), a.digest, "the digest is of the verified bytes")
}

func newTestKey(t testing.TB) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, minKeyBits)
	require.NoError(t, err)
	return key
}

func TestPassedForms(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		`"T"`: "T", `"F"`: "F", `["T"]`: "T", `["F"]`: "F", `"t"`: "t", `["T","F"]`: "", `[]`: "", `true`: "", `{"T":1}`: "", `null`: "",
	} {
		require.Equal(t, want, passed(json.RawMessage(raw)), raw)
	}
}

func TestClassify(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		method, code, sub string
		want              verdict
	}{
		"processing query":      {methodQuery, "10003", "", verdict{pending: true}},
		"processing initialize": {methodInitialize, "10003", "", verdict{class: face.ErrUncertain}},
		"busy":                  {methodQuery, "20000", "aop.unknow-error", verdict{class: face.ErrTransient}},
		"token":                 {methodQuery, "20001", "aop.invalid-auth-token", verdict{class: face.ErrConfig}},
		"missing":               {methodQuery, "40001", "isv.missing-signature", verdict{class: face.ErrConfig}},
		"invalid":               {methodQuery, "40002", "isv.invalid-timestamp", verdict{class: face.ErrConfig}},
		"conditions":            {methodQuery, "40003", "isv.missing-signature-config", verdict{class: face.ErrConfig}},
		"limited":               {methodQuery, "40005", "", verdict{class: face.ErrRateLimited}},
		"not signed for":        {methodInitialize, "40006", "isv.insufficient-isv-permissions", verdict{class: face.ErrConfig}},
		"new code":              {methodQuery, "50000", "", verdict{class: face.ErrConfig}},
		"new sub code":          {methodQuery, "40004", "SOMETHING_NEW", verdict{class: face.ErrConfig}},
		"system":                {methodInitialize, "40004", "SYSTEM_ERROR", verdict{class: face.ErrTransient}},
		"format at query":       {methodQuery, "40004", "ILLEGAL_ARGUMENT_FORMAT", verdict{class: face.ErrConfig}},
		"not finished":          {methodQuery, "40004", "CERTIFY_NOT_FINISH", verdict{pending: true}},
		"in process":            {methodQuery, "40004", "CERTIFY_IN_PROCESS", verdict{pending: true}},
		"in process at start":   {methodInitialize, "40004", "CERTIFY_IN_PROCESS", verdict{class: face.ErrConfig}},
		"not exist, third form": {methodQuery, "40004", "CERTIFY_NOT_EXIST", verdict{class: face.ErrUnknownRef}},
	} {
		require.Equal(t, c.want, classify(c.method, c.code, c.sub), name)
	}
}

// Whatever arrives: no panic, and no success that the key did not sign.
func FuzzOpen(f *testing.F) {
	v := simVerifier(f)
	good := map[string]bool{}
	for _, vector := range vectors(f).Responses {
		f.Add(vector.Raw)
		if vector.Signed != "" {
			sum := sha256.Sum256([]byte(vector.Signed))
			good[hex.EncodeToString(sum[:])] = true
		}
	}
	f.Add(`{"alipay_user_certify_open_query_response":{"code":"10000","passed":"T"}}`)
	f.Fuzz(func(t *testing.T, body string) {
		for _, method := range []string{methodQuery, methodInitialize} {
			a, err := v.open(method, []byte(body))
			if err == nil && a.code == codeSuccess {
				require.True(t, good[a.digest], "a success that nobody signed")
			}
		}
	})
}

func TestQueryContent(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		node  string
		class error
	}{
		"plain":            {`{"passed":"F"}`, nil},
		"our id":           {`{"passed":"T","certify_id":"ours"}`, nil},
		"another id":       {`{"passed":"T","certify_id":"theirs"}`, face.ErrSignature},
		"id not a string":  {`{"passed":"T","certify_id":7}`, face.ErrSignature},
		"passed missing":   {`{"Passed":"T"}`, face.ErrSignature},
		"passed undefined": {`{"passed":"Y"}`, face.ErrConfig},
	} {
		fields, err := members([]byte(c.node))
		require.NoError(t, err)
		class, _ := checkQueried("ours")(answer{fields: fields})
		require.Equal(t, c.class, class, name)
	}
	for node, class := range map[string]error{
		`{"certify_id":"a1"}`: nil, `{"certify_id":""}`: face.ErrSignature, `{"certify_id":"a b"}`: face.ErrSignature, `{"passed":"T"}`: face.ErrSignature,
	} {
		fields, err := members([]byte(node))
		require.NoError(t, err)
		got, _ := checkInitialized(answer{fields: fields})
		require.Equal(t, class, got, node)
	}
}
