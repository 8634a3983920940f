package gateway

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

// selfSigned is a certificate and its key, in PEM.
func selfSigned(t *testing.T, serial int64, from, until time.Time) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), NotBefore: from, NotAfter: until, DNSNames: []string{"gateway.example.com"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestCertificateIsRenewed replaces the files of a running listener in all the ways that go wrong, and then rightly.
func TestCertificateIsRenewed(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	files := TLSFiles{filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")}
	cert, key := selfSigned(t, 1, now.Add(-time.Hour), now.Add(time.Hour))
	write(t, files.CertFile, cert)
	write(t, files.KeyFile, key)
	var log bytes.Buffer
	c, err := newCertificate(files, "LISTEN_ADDR", zerolog.New(&log))
	if err != nil {
		t.Fatal(err)
	}
	inUse := func() int64 {
		t.Helper()
		now = now.Add(lookInterval)
		c.look(now)
		got, err := c.config().GetCertificate(nil)
		if err != nil {
			t.Fatal(err)
		}
		return got.Leaf.SerialNumber.Int64()
	}
	newCert, newKey := selfSigned(t, 2, now.Add(-time.Hour), now.Add(2*time.Hour))
	oldCert, oldKey := selfSigned(t, 3, now.Add(-2*time.Hour), now.Add(-time.Hour))
	nextCert, nextKey := selfSigned(t, 4, now.Add(time.Minute), now.Add(2*time.Hour))
	for _, step := range []struct {
		name      string
		cert, key []byte // nil: there is no such file
		serial    int64
		problem   string // empty: none new
	}{
		{"nothing has changed", cert, key, 1, ""},
		{"only the certificate is there yet", newCert, key, 1, "private key does not match"},
		{"still", newCert, key, 1, ""},
		{"the key is gone", newCert, nil, 1, "key.pem: no such file"},
		{"still gone", newCert, nil, 1, ""},
		{"garbage", []byte("garbage"), newKey, 1, "failed to find any PEM data"},
		{"half written", newCert[:len(newCert)/2], newKey, 1, ""},
		{"expired", oldCert, oldKey, 1, "has expired"},
		{"both are new", newCert, newKey, 2, "renewed"},
		{"and stay", newCert, newKey, 2, ""},
		{"back again", cert, key, 1, "renewed"},
		{"ahead of its time", nextCert, nextKey, 1, "not valid before"},
		{"still ahead", nextCert, nextKey, 1, ""},
		{"its time has come", nextCert, nextKey, 4, "renewed"},
	} {
		if step.serial == 4 {
			now = now.Add(time.Minute)
		}
		log.Reset()
		for path, content := range map[string][]byte{files.CertFile: step.cert, files.KeyFile: step.key} {
			if content == nil {
				_ = os.Remove(path)
				continue
			}
			write(t, path, content)
		}
		if got := inUse(); got != step.serial {
			t.Errorf("%s: certificate %d is in use, want %d", step.name, got, step.serial)
		}
		if step.problem == "" && log.Len() > 0 || !strings.Contains(log.String(), step.problem) {
			t.Errorf("%s: the log says %q, want %q", step.name, &log, step.problem)
		}
		if bytes.Contains(log.Bytes(), []byte("PRIVATE KEY")) {
			t.Errorf("%s: the log has a key", step.name)
		}
	}
	write(t, files.CertFile, newCert)
	write(t, files.KeyFile, newKey)
	c.look(now)
	if c.current.Load().Leaf.SerialNumber.Int64() != 4 {
		t.Error("the files are looked at more often than once in an interval")
	}
}

// TestTLSSettings has settings that cannot work: each is told before anything starts, by its name.
func TestTLSSettings(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	path := func(name string) string { return filepath.Join(dir, name) }
	cert, key := selfSigned(t, 1, now.Add(-time.Hour), now.Add(time.Hour))
	other, _ := selfSigned(t, 2, now.Add(-time.Hour), now.Add(time.Hour))
	future, futureKey := selfSigned(t, 3, now.Add(time.Hour), now.Add(2*time.Hour))
	for name, content := range map[string][]byte{
		"cert": cert, "key": key, "other": other, "future": future, "future-key": futureKey, "garbage": []byte("-----BEGIN"),
	} {
		write(t, path(name), content)
	}
	good := TLSFiles{path("cert"), path("key")}
	for _, test := range []struct {
		name     string
		cfg      Config
		problems []string
	}{
		{"none", Config{}, nil},
		{"good", Config{TLS: good, InternalListenAddr: ":1", InternalTLS: good, GatewayWSURL: "wss://gateway:1"}, nil},
		{"bridges past it", Config{TLS: good, InternalListenAddr: ":1", GatewayWSURL: "ws://gateway:1"}, nil},
		{"no key", Config{TLS: TLSFiles{CertFile: path("cert")}}, []string{"TLS_CERT_FILE and TLS_KEY_FILE: both or neither"}},
		{"no certificate", Config{InternalListenAddr: ":1", InternalTLS: TLSFiles{KeyFile: path("key")}},
			[]string{"INTERNAL_TLS_CERT_FILE and INTERNAL_TLS_KEY_FILE: both"}},
		{"not there", Config{TLS: TLSFiles{path("x"), path("key")}}, []string{"TLS_CERT_FILE, TLS_KEY_FILE: open"}},
		{"mismatch", Config{TLS: TLSFiles{path("other"), path("key")}}, []string{"private key does not match"}},
		{"garbage", Config{TLS: TLSFiles{path("cert"), path("garbage")}}, []string{"TLS_KEY_FILE: tls: "}},
		{"not yet", Config{TLS: TLSFiles{path("future"), path("future-key")}}, []string{"not valid before"}},
		{"no listener", Config{InternalTLS: good}, []string{"INTERNAL_TLS_CERT_FILE: needs INTERNAL_LISTEN_ADDR"}},
		{"plain bridges", Config{TLS: good, GatewayWSURL: "ws://gateway:1"}, []string{"GATEWAY_WS_URL: must be wss://, as LISTEN_ADDR"}},
		{"plain bridges inside", Config{InternalListenAddr: ":1", InternalTLS: good, GatewayWSURL: "ws://gateway:1"},
			[]string{"GATEWAY_WS_URL: must be wss://, as INTERNAL_LISTEN_ADDR"}},
	} {
		problems := test.cfg.validateTLS()
		if len(problems) != len(test.problems) {
			t.Errorf("%s: %v", test.name, problems)
			continue
		}
		for i, want := range test.problems {
			if !strings.Contains(problems[i].Error(), want) {
				t.Errorf("%s: %v, want %q", test.name, problems[i], want)
			}
		}
	}
}
