package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// authority is a made-up CA.
type authority struct {
	t    testing.TB
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	// file has its certificate, for SSL_CERT_FILE.
	file   string
	serial int64
}

func newAuthority(t testing.TB, dir string) *authority {
	t.Helper()
	a := &authority{t: t, dir: dir, serial: 1}
	a.cert = &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Made-up CA"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	a.file = filepath.Join(dir, "ca.pem")
	der, _ := a.sign(a.cert)
	var err error
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	writePEM(t, a.file, "CERTIFICATE", der)
	return a
}

// sign makes a certificate with a new key. The first one, the authority's own, signs itself.
func (a *authority) sign(template *x509.Certificate) (der []byte, key *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	if a.key == nil {
		a.key = key
	}
	if der, err = x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key); err != nil {
		a.t.Fatal(err)
	}
	return der, key
}

// issue writes a new certificate for 127.0.0.1 and its key into files of that name, in place of what was there.
func (a *authority) issue(name string) (certFile, keyFile string) {
	a.t.Helper()
	a.serial++
	der, key := a.sign(&x509.Certificate{
		SerialNumber: big.NewInt(a.serial), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	})
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(a.dir, name+".pem"), filepath.Join(a.dir, name+"-key.pem")
	writePEM(a.t, certFile, "CERTIFICATE", der)
	writePEM(a.t, keyFile, "PRIVATE KEY", encoded)
	return certFile, keyFile
}

func writePEM(t testing.TB, path, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// shown is the serial number of the certificate that a gateway shows to those who trust the authority.
func (a *authority) shown(address string) int64 {
	a.t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	conn, err := tls.Dial("tcp", address, &tls.Config{RootCAs: roots, NextProtos: []string{"h2", "http/1.1"}})
	if err != nil {
		a.t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	state := conn.ConnectionState()
	if state.NegotiatedProtocol != "http/1.1" || state.Version < tls.VersionTLS12 {
		a.t.Errorf("negotiated %q over %s", state.NegotiatedProtocol, tls.VersionName(state.Version))
	}
	return state.PeerCertificates[0].SerialNumber.Int64()
}

// A gateway with TLS on both listeners, each with a certificate of its own from a made-up CA, which bridges and the shell
// trust because the system is told to. The certificates are renewed while a session goes on.
func TestTLS(t *testing.T) {
	dir := sharedDir(t)
	ca := newAuthority(t, dir)
	cert, key := ca.issue("public")
	internalCert, internalKey := ca.issue("internal")
	g := startGateway(t, dir,
		"LOCAL_BRIDGE="+bridgeIn(t, dir), "INTERNAL_LISTEN_ADDR=127.0.0.1:0", "SSL_CERT_FILE="+ca.file, "AGENT_COMMAND=cat",
		"TLS_CERT_FILE="+cert, "TLS_KEY_FILE="+key,
		"INTERNAL_TLS_CERT_FILE="+internalCert, "INTERNAL_TLS_KEY_FILE="+internalKey)
	address, ok := strings.CutPrefix(g.ws, "wss://")
	if !ok {
		t.Fatalf("clients are told to connect to %s", g.ws)
	}
	eventually(t, "tasks are ready: their bridges trust the internal listener", func() bool {
		return strings.Contains(g.log.String(), "task is ready")
	})
	t.Run("plainly", func(t *testing.T) {
		plain := g
		plain.ws = "ws://" + address
		if output, code := plain.shell("hello\n", "--user", "ann"); code != 1 || output != "" {
			t.Errorf("the shell printed %q and exited with %d", output, code)
		}
	})
	t.Run("to an issuer that is not trusted", func(t *testing.T) {
		if output, code := g.shell("hello\n", "--user", "ann"); code != 1 || output != "" {
			t.Errorf("the shell printed %q and exited with %d", output, code)
		}
	})
	t.Setenv("SSL_CERT_FILE", ca.file) // the shell's
	if output, code := g.shell("hello\n", "--user", "ann"); code != 0 || output != "hello\n" {
		t.Errorf("the shell printed %q and exited with %d", output, code)
	}
	if _, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11}); err == nil {
		t.Error("TLS 1.1 is good enough")
	}

	before := ca.shown(address)
	if err := os.WriteFile(cert, []byte("half a certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the log tells of a broken certificate", func() bool {
		if now := ca.shown(address); now != before {
			t.Fatalf("certificate %d is shown", now)
		}
		return strings.Contains(g.log.String(), "cannot use the new TLS certificate")
	})
	ca.issue("public")
	eventually(t, "the new certificate is shown", func() bool { return ca.shown(address) == ca.serial })
	if output, code := g.shell("again\n", "--user", "ann"); code != 0 || output != "again\n" {
		t.Errorf("the shell printed %q and exited with %d", output, code)
	}
	g.signal(syscall.SIGINT)
	if code := g.exit(); code != 0 {
		t.Errorf("the gateway exited with %d", code)
	}
	nothingLeft(t, dir)
}
