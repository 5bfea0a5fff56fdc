package alipay

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/activities/face"
)

type requestVector struct {
	Name         string            `json:"name"`
	Params       map[string]string `json:"params"`
	StringToSign string            `json:"string_to_sign"`
	Sign         string            `json:"sign"`
	URL          string            `json:"url"`
	Body         string            `json:"body"`
}

type responseVector struct {
	Name   string `json:"name"`
	Signed string `json:"signed"` // "" for unsigned answers
	Raw    string `json:"raw"`
}

type vectorFile struct {
	Requests  []requestVector  `json:"requests"`
	Responses []responseVector `json:"responses"`
}

func readFixture(t testing.TB, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "..", "testdata", "alipay", name))
	require.NoError(t, err)
	return raw
}

func vectors(t testing.TB) vectorFile {
	t.Helper()
	var all vectorFile
	require.NoError(t, json.Unmarshal(readFixture(t, "rsa2.json"), &all))
	require.Len(t, all.Requests, 5)
	require.Len(t, all.Responses, 12)
	return all
}

func response(t testing.TB, name string) string {
	t.Helper()
	for _, v := range vectors(t).Responses {
		if v.Name == name {
			return v.Raw
		}
	}
	require.Fail(t, "no vector "+name)
	return ""
}

func simVerifier(t testing.TB) verifier {
	t.Helper()
	key, err := parsePublicKey(string(readFixture(t, "alipay_sim_public.pem")))
	require.NoError(t, err)
	return verifier{key: key}
}

func TestRequestVectors(t *testing.T) {
	t.Parallel()
	key, err := parsePublicKey(string(readFixture(t, "app_public.pem")))
	require.NoError(t, err)
	for _, v := range vectors(t).Requests {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			params := map[string]string{"sign": "never part of it"}
			for name, value := range v.Params {
				params[name] = value
			}
			require.Equal(t, v.StringToSign, stringToSign(params))
			_, ok := verify(key, []byte(v.StringToSign), v.Sign)
			require.True(t, ok)
			_, ok = verify(key, []byte(v.StringToSign+" "), v.Sign)
			require.False(t, ok)

			// The wire form, parameter for parameter.
			params["sign"] = v.Sign
			want, err := url.Parse(v.URL)
			require.NoError(t, err)
			if v.Body == "" {
				require.Equal(t, v.URL, pageURL(ProductionGateway, params))
				return
			}
			query, body := wire(params, LayoutQuery)
			require.Equal(t, want.RawQuery, query)
			require.Equal(t, v.Body, body)
			query, body = wire(params, LayoutBody)
			require.Equal(t, "charset=utf-8", query)
			inBody, err := url.ParseQuery(body)
			require.NoError(t, err)
			require.Equal(t, v.Sign, inBody.Get("sign"))
			require.False(t, inBody.Has("charset"), "sent once")
		})
	}
}

func TestInitializeContentMatchesTheVector(t *testing.T) {
	t.Parallel()
	content, err := marshal(newInitialize("FACE", face.StartRequest{
		OrderNo:   "WP20201204000000ABCDEF0123456789",
		Subject:   face.Subject{Name: "张三·测试", DocType: face.DocCNID, DocNo: "110101199003070011"},
		ReturnURL: "https://idv.example.com/r/9f1c2d3e",
	}))
	require.NoError(t, err)
	require.Equal(t, vectors(t).Requests[0].Params["biz_content"], content)
	content, err = marshal(certifyIDContent{"a<b>&c"})
	require.NoError(t, err)
	require.Equal(t, `{"certify_id":"a<b>&c"}`, content) //nolint:testifylint // the bytes are signed, not their meaning
}

func methodOf(name string) string {
	if strings.HasPrefix(name, "initialize") {
		return methodInitialize
	}
	return methodQuery
}

func TestResponseVectors(t *testing.T) {
	t.Parallel()
	v := simVerifier(t)
	for _, vector := range vectors(t).Responses {
		t.Run(vector.Name, func(t *testing.T) {
			t.Parallel()
			a, err := v.open(methodOf(vector.Name), []byte(vector.Raw))
			require.NoError(t, err)
			require.Equal(t, vector.Signed != "", a.signed)
			if vector.Signed == "" {
				require.NotEqual(t, codeSuccess, a.code)
				require.Empty(t, a.digest)
				return
			}
			// Any changed byte of the signed content is noticed.
			at := strings.Index(vector.Raw, vector.Signed)
			require.Positive(t, at)
			for i := at + 1; i < at+len(vector.Signed)-1; i++ {
				tampered := []byte(vector.Raw)
				tampered[i] ^= 1
				if _, err := v.open(methodOf(vector.Name), tampered); err == nil {
					require.Failf(t, "tampering not noticed", "byte %d", i-at)
				}
			}
		})
	}
}

func TestCodesOfTheVectors(t *testing.T) {
	t.Parallel()
	v := simVerifier(t)
	for name, want := range map[string]error{
		"initialize.response.unknown":               face.ErrTransient,
		"initialize.response.format":                face.ErrUserInput,
		"query.response.expired":                    face.ErrRefExpired,
		"query.response.not_exist":                  face.ErrUnknownRef,
		"query.response.20000":                      face.ErrTransient,
		"error_response.unsigned":                   face.ErrConfig,
		"query.response.invalid_signature_unsigned": face.ErrConfig,
	} {
		a, err := v.open(methodOf(name), []byte(response(t, name)))
		require.NoError(t, err, name)
		require.Equal(t, verdict{class: want}, classify(methodOf(name), a.code, a.sub), name)
	}
}
