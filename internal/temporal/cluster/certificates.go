package cluster

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Certificates are the files of a cluster that takes nobody without a certificate of its authority. Whoever has Cert and Key
// gets in.
type Certificates struct{ CA, Cert, Key string }

// name stands in the certificate, besides the address.
const name = "temporal.test"

// newCertificates makes an authority and one certificate of it, which every process of a cluster and its clients show.
func newCertificates(dir string, now time.Time) (Certificates, error) {
	c := Certificates{filepath.Join(dir, "ca.pem"), filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")}
	authorityKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return c, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return c, err
	}
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
	}
	shown := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, IPAddresses: []net.IP{net.ParseIP(host)},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		NotBefore: authority.NotBefore, NotAfter: authority.NotAfter,
	}
	caDER, err := x509.CreateCertificate(rand.Reader, authority, authority, authorityKey.Public(), authorityKey)
	if err != nil {
		return c, err
	}
	der, err := x509.CreateCertificate(rand.Reader, shown, authority, key.Public(), authorityKey)
	if err != nil {
		return c, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return c, err
	}
	return c, errors.Join(
		writePEM(c.CA, "CERTIFICATE", caDER), writePEM(c.Cert, "CERTIFICATE", der), writePEM(c.Key, "PRIVATE KEY", private),
	)
}

func writePEM(file, kind string, der []byte) error {
	return os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}

// client is how the cluster is reached with its certificates.
func (c Certificates) client() (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(c.CA)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("cluster: no certificate in %s", c.CA)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}, RootCAs: roots}, nil
}

// settings are the server's, for what it serves and for its own calls.
func (c Certificates) settings() map[string]any {
	type object = map[string]any
	trusts := object{"serverName": name, "rootCaFiles": []string{c.CA}}
	group := object{
		"server": object{"certFile": c.Cert, "keyFile": c.Key, "requireClientAuth": true, "clientCaFiles": []string{c.CA}},
		"client": trusts,
	}
	return object{
		"internode": group, "frontend": group,
		"systemWorker": object{"certFile": c.Cert, "keyFile": c.Key, "client": trusts},
	}
}
