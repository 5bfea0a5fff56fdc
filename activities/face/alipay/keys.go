package alipay

import (
	"crypto/md5" //nolint:gosec // Alipay defines its certificate serial numbers with it
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// minKeyBits is the RSA2 requirement of the open platform.
const minKeyBits = 2048

// keys is the parsed key material of a Config.
type keys struct {
	app    *rsa.PrivateKey
	alipay *rsa.PublicKey

	// Certificate mode only, else "".
	appCertSN, rootCertSN, alipayCertSN string
}

func (k keys) certMode() bool { return k.appCertSN != "" }

// loadKeys parses all key material of c and returns all faults. Errors of the
// parsers are dropped: some quote their input.
func loadKeys(c Config) (keys, []error) {
	var k keys
	var faults []error
	add := func(format string, args ...any) { faults = append(faults, fmt.Errorf("alipay: "+format, args...)) }

	app, err := parsePrivateKey(string(c.AppPrivateKeyPEM))
	if err != nil {
		add("app_private_key %w", err)
	}
	k.app = app

	certs := c.AppCertPEM != "" || c.AlipayCertPEM != "" || c.AlipayRootCertPEM != ""
	switch {
	case certs && c.AlipayPublicKeyPEM != "":
		add("give either alipay_public_key or the three certificates, not both")
	case certs:
		faults = append(faults, k.loadCerts(c)...)
	default:
		if k.alipay, err = parsePublicKey(c.AlipayPublicKeyPEM); err != nil {
			add("alipay_public_key %w", err)
		}
	}
	if k.app != nil && k.alipay != nil && k.app.PublicKey.Equal(k.alipay) {
		add("alipay_public_key is the application's own key; the console shows Alipay's beside it")
	}
	return k, faults
}

func (k *keys) loadCerts(c Config) []error {
	var faults []error
	add := func(format string, args ...any) { faults = append(faults, fmt.Errorf("alipay: "+format, args...)) }
	if cert, err := firstCert(c.AppCertPEM); err != nil {
		add("app_cert %w", err)
	} else {
		k.appCertSN = CertSN(cert)
		if pub, ok := cert.PublicKey.(*rsa.PublicKey); k.app != nil && (!ok || !pub.Equal(&k.app.PublicKey)) {
			add("app_cert does not belong to app_private_key")
		}
	}
	if cert, err := firstCert(c.AlipayCertPEM); err != nil {
		add("alipay_cert %w", err)
	} else if pub, ok := cert.PublicKey.(*rsa.PublicKey); !ok || pub.N.BitLen() < minKeyBits {
		add("alipay_cert must hold an RSA key of at least %d bits", minKeyBits)
	} else {
		k.alipay, k.alipayCertSN = pub, CertSN(cert)
	}
	sn, err := RootCertSN(c.AlipayRootCertPEM)
	if err != nil {
		add("alipay_root_cert %w", err)
	}
	k.rootCertSN = sn
	return faults
}

// CertSN is Alipay's serial number of a certificate: lower-case hex MD5 of the
// issuer in RFC 2253 order followed by the decimal serial.
func CertSN(cert *x509.Certificate) string {
	sum := md5.Sum([]byte(cert.Issuer.String() + cert.SerialNumber.String())) //nolint:gosec // a name, not a protection
	return hex.EncodeToString(sum[:])
}

// RootCertSN joins the serial numbers of the RSA-signed certificates of a PEM
// bundle with "_". Certificates that are signed otherwise do not count, nor do
// those that cannot be parsed: Alipay's own bundle holds one on a curve that Go
// does not know.
func RootCertSN(bundle string) (string, error) {
	var sns []string
	for rest := []byte(bundle); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if cert, err := x509.ParseCertificate(block.Bytes); err == nil && rsaSigned(cert) {
			sns = append(sns, CertSN(cert))
		}
	}
	if len(sns) == 0 {
		return "", errors.New("must hold at least one RSA-signed certificate in PEM")
	}
	return strings.Join(sns, "_"), nil
}

func rsaSigned(cert *x509.Certificate) bool {
	switch cert.SignatureAlgorithm { // everything else is not RSA
	case x509.MD5WithRSA, x509.SHA1WithRSA, x509.SHA256WithRSA, x509.SHA384WithRSA, x509.SHA512WithRSA,
		x509.SHA256WithRSAPSS, x509.SHA384WithRSAPSS, x509.SHA512WithRSAPSS:
		return true
	default:
		return false
	}
}

func firstCert(text string) (*x509.Certificate, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errors.New(`must be PEM of type "CERTIFICATE"`)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, errors.New("is not a certificate that can be read")
	}
	return cert, nil
}

func parsePrivateKey(text string) (*rsa.PrivateKey, error) {
	bad := fmt.Errorf(`must be an RSA key of at least %d bits in PEM, "PRIVATE KEY" or "RSA PRIVATE KEY"`, minKeyBits)
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, bad
	}
	var key *rsa.PrivateKey
	switch block.Type {
	case "PRIVATE KEY":
		if any8, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
			key, _ = any8.(*rsa.PrivateKey)
		}
	case "RSA PRIVATE KEY":
		key, _ = x509.ParsePKCS1PrivateKey(block.Bytes)
	}
	if key == nil || key.N.BitLen() < minKeyBits {
		return nil, bad
	}
	return key, nil
}

func parsePublicKey(text string) (*rsa.PublicKey, error) {
	bad := fmt.Errorf(`must be an RSA key of at least %d bits in PEM, "PUBLIC KEY" or "RSA PUBLIC KEY"`, minKeyBits)
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, bad
	}
	var key *rsa.PublicKey
	switch block.Type {
	case "PUBLIC KEY":
		if pkix, err := x509.ParsePKIXPublicKey(block.Bytes); err == nil {
			key, _ = pkix.(*rsa.PublicKey)
		}
	case "RSA PUBLIC KEY":
		key, _ = x509.ParsePKCS1PublicKey(block.Bytes)
	}
	if key == nil || key.N.BitLen() < minKeyBits {
		return nil, bad
	}
	return key, nil
}
