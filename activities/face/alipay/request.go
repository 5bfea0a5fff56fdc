package alipay

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/url"
	"time"

	"github.com/verigate/verigate/activities/face"
)

// The three methods of the product.
const (
	methodInitialize = "alipay.user.certify.open.initialize"
	methodCertify    = "alipay.user.certify.open.certify"
	methodQuery      = "alipay.user.certify.open.query"
)

// beijing is the zone of the timestamp parameter in every official SDK. A fixed
// zone, so that no zone data is needed: the country has had no other since 1991.
func beijing() *time.Location { return time.FixedZone("UTC+8", 8*60*60) }

// initializeContent is biz_content of initialize. identity_param and
// merchant_config are objects; older documents show strings, which the gateway
// now answers with UNKNOWN_ERROR.
type initializeContent struct {
	OuterOrderNo   string         `json:"outer_order_no"`
	BizCode        string         `json:"biz_code"`
	IdentityParam  identityParam  `json:"identity_param"`
	MerchantConfig merchantConfig `json:"merchant_config"`
}

type identityParam struct {
	IdentityType string `json:"identity_type"`
	CertType     string `json:"cert_type"`
	CertName     string `json:"cert_name"`
	CertNo       string `json:"cert_no"`
}

type merchantConfig struct {
	ReturnURL string `json:"return_url"`
	// FaceReserveStrategy is always "never": Alipay's default keeps the live face.
	FaceReserveStrategy string `json:"face_reserve_strategy"`
}

type certifyIDContent struct {
	CertifyID string `json:"certify_id"`
}

func newInitialize(bizCode string, r face.StartRequest) initializeContent {
	return initializeContent{
		OuterOrderNo: r.OrderNo,
		BizCode:      bizCode,
		IdentityParam: identityParam{
			IdentityType: "CERT_INFO",
			CertType:     "IDENTITY_CARD",
			CertName:     r.Subject.Name,
			CertNo:       r.Subject.DocNo,
		},
		MerchantConfig: merchantConfig{ReturnURL: r.ReturnURL, FaceReserveStrategy: "never"},
	}
}

// signed returns the complete parameters of one call, sign included.
func (p *Provider) signed(method string, content any, returnURL string, at time.Time) (map[string]string, error) {
	biz, err := marshal(content)
	if err != nil {
		return nil, err
	}
	params := map[string]string{
		"app_id":      p.cfg.AppID,
		"method":      method,
		"format":      "JSON",
		"charset":     "utf-8",
		"sign_type":   "RSA2",
		"timestamp":   at.In(beijing()).Format(time.DateTime),
		"version":     "1.0",
		"biz_content": biz,
	}
	if returnURL != "" {
		params["return_url"] = returnURL
	}
	if p.keys.certMode() {
		params["app_cert_sn"] = p.keys.appCertSN
		params["alipay_root_cert_sn"] = p.keys.rootCertSN
	}
	if params["sign"], err = sign(p.keys.app, stringToSign(params)); err != nil {
		return nil, err
	}
	return params, nil
}

// marshal is JSON without HTML escapes, so that the wire shows what was meant.
// Its error does not wrap the encoder's, which may quote a value.
func marshal(content any) (string, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(content); err != nil {
		return "", errors.New("alipay: biz_content cannot be encoded")
	}
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n"))), nil
}

// wire splits parameters into URL query and form body according to the layout.
func wire(params map[string]string, layout Layout) (query, body string) {
	inURL, inBody := url.Values{}, url.Values{}
	for key, value := range params {
		if key == "charset" || (layout == LayoutQuery && key != "biz_content") {
			inURL.Set(key, value)
		} else {
			inBody.Set(key, value)
		}
	}
	return inURL.Encode(), inBody.Encode()
}

// pageURL is the certify URL: a GET with everything in the query.
func pageURL(gateway string, params map[string]string) string {
	query := url.Values{}
	for key, value := range params {
		query.Set(key, value)
	}
	return gateway + "?" + query.Encode()
}

// deepLink opens target inside Alipay from a browser on the same phone. 20000067
// is the app's own web view. QueryEscape also escapes "+", so the spaces of the
// inner URL survive.
func deepLink(target string) string {
	return "alipays://platformapi/startapp?appId=20000067&url=" + url.QueryEscape(target)
}
