package alipaysim

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// keyBits is what the open platform asks for.
const keyBits = 2048

// Keys are the two key pairs of a simulated contract.
type Keys struct {
	App     *rsa.PrivateKey // ours: signs calls
	Gateway *rsa.PrivateKey // the simulated Alipay's: signs answers
}

// GenerateKeys makes two RSA pairs of 2048 bits.
func GenerateKeys() (Keys, error) {
	app, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return Keys{}, fmt.Errorf("alipaysim: generate application key: %w", err)
	}
	gateway, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return Keys{}, fmt.Errorf("alipaysim: generate gateway key: %w", err)
	}
	return Keys{App: app, Gateway: gateway}, nil
}

// EncodePrivateKey returns key as PKCS#8 PEM.
func EncodePrivateKey(key *rsa.PrivateKey) (string, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", fmt.Errorf("alipaysim: encode private key: %w", err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), nil
}

// EncodePublicKey returns key as PKIX PEM.
func EncodePublicKey(key *rsa.PublicKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return "", fmt.Errorf("alipaysim: encode public key: %w", err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), nil
}

// DecodePrivateKey reads what EncodePrivateKey wrote. Its errors quote nothing.
func DecodePrivateKey(text string) (*rsa.PrivateKey, error) {
	if block, _ := pem.Decode([]byte(text)); block != nil {
		if parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
			if key, ok := parsed.(*rsa.PrivateKey); ok {
				return key, nil
			}
		}
	}
	return nil, errors.New("alipaysim: not an RSA private key in PKCS#8 PEM")
}

// DecodePublicKey reads what EncodePublicKey wrote.
func DecodePublicKey(text string) (*rsa.PublicKey, error) {
	if block, _ := pem.Decode([]byte(text)); block != nil {
		if parsed, err := x509.ParsePKIXPublicKey(block.Bytes); err == nil {
			if key, ok := parsed.(*rsa.PublicKey); ok {
				return key, nil
			}
		}
	}
	return nil, errors.New("alipaysim: not an RSA public key in PKIX PEM")
}
