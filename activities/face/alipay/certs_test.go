package alipay_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/activities/face/alipay"
)

// selfSigned returns a certificate for key as PEM, and its serial number at Alipay.
func selfSigned(t testing.TB, key *rsa.PrivateKey, serial int64) (text, sn string) {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{Country: []string{"CN"}, CommonName: "test"},
		NotBefore: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2120, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), alipay.CertSN(cert)
}

// The expected numbers were made with openssl x509 -nameopt RFC2253 and md5sum.
func TestCertificateSerialNumbers(t *testing.T) {
	t.Parallel()
	block, _ := pem.Decode([]byte(fixture(t, "leaf.pem")))
	cert, err := x509.ParseCertificate(block.Bytes)
	require.NoError(t, err)
	require.Equal(t, "4b13c1eda7e95ea535d3b18837eecc78", alipay.CertSN(cert))

	// The bundle also holds an ECDSA root and a block that cannot be parsed.
	sn, err := alipay.RootCertSN(fixture(t, "root_bundle.pem"))
	require.NoError(t, err)
	require.Equal(t, "7a02d4aa009b8d308fdb1ae2def6a293", sn)

	two, err := alipay.RootCertSN(fixture(t, "leaf.pem") + fixture(t, "root_bundle.pem"))
	require.NoError(t, err)
	require.Equal(t, "4b13c1eda7e95ea535d3b18837eecc78_7a02d4aa009b8d308fdb1ae2def6a293", two)

	_, err = alipay.RootCertSN("nothing")
	require.Error(t, err)
}
