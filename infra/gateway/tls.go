package gateway

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
)

// lookInterval is how often a certificate's files are looked at, at most: when somebody connects.
const lookInterval = time.Second

// TLSFiles are the files of a listener's certificate, in PEM: the chain with the leaf first, and the private key. Both
// empty means a listener without TLS.
type TLSFiles struct{ CertFile, KeyFile string }

// set says that the listener is to speak TLS.
func (f TLSFiles) set() bool { return f != TLSFiles{} }

// validate names the settings, CertFile's and KeyFile's, of files that cannot be used. Its errors never quote a file.
func (f TLSFiles) validate(certName, keyName string) error {
	switch {
	case !f.set():
		return nil
	case f.CertFile == "" || f.KeyFile == "":
		return fmt.Errorf("%s and %s: both or neither", certName, keyName)
	}
	if _, err := f.read().parse(time.Now()); err != nil {
		return fmt.Errorf("%s, %s: %w", certName, keyName, err)
	}
	return nil
}

// contents is what the files had, or what kept them from being read, when they were looked at.
type contents struct {
	cert, key string
	err       error
}

func (f TLSFiles) read() contents {
	cert, err := os.ReadFile(f.CertFile)
	if err != nil {
		return contents{err: err}
	}
	key, err := os.ReadFile(f.KeyFile)
	return contents{string(cert), string(key), err}
}

// parse makes a certificate of the files, if clients will take it as far as time goes.
func (c contents) parse(now time.Time) (*tls.Certificate, error) {
	if c.err != nil {
		return nil, c.err
	}
	parsed, err := tls.X509KeyPair([]byte(c.cert), []byte(c.key))
	if err != nil {
		return nil, err
	}
	switch leaf := parsed.Leaf; {
	case now.After(leaf.NotAfter):
		return nil, fmt.Errorf("the certificate has expired on %s", leaf.NotAfter.Format(time.RFC3339))
	case now.Before(leaf.NotBefore):
		return nil, fmt.Errorf("the certificate is not valid before %s", leaf.NotBefore.Format(time.RFC3339))
	}
	return &parsed, nil
}

// certificate is a listener's, read again when its files have changed. Whoever connects makes it look, so that it needs
// neither a goroutine nor a signal. A pair that cannot be used, such as one of which only the first file has been replaced
// yet, leaves the last good one in use.
type certificate struct {
	files    TLSFiles
	listener string // the setting that its address is from
	log      zerolog.Logger
	current  atomic.Pointer[tls.Certificate]

	// looking is held by the one connection that looks at the files; nobody waits for it.
	looking sync.Mutex
	looked  time.Time
	// last is what was seen last, and problem what is wrong with it, so that it is told once. What is wrong can pass without
	// a change: a new certificate's time may be about to begin.
	last    contents
	problem string
}

// newCertificate reads the files of a listener.
func newCertificate(files TLSFiles, listener string, log zerolog.Logger) (*certificate, error) {
	c := &certificate{
		files: files, listener: listener, log: log.With().Str("listener", listener).Str("file", files.CertFile).Logger(),
		looked: time.Now(), last: files.read(),
	}
	first, err := c.last.parse(c.looked)
	if err != nil {
		return nil, err
	}
	c.current.Store(first)
	return c, nil
}

// config is for the listener's server: TLS 1.2 or 1.3 with Go's own choice of suites, and HTTP/1.1, which WebSockets need.
func (c *certificate) config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			c.look(time.Now())
			return c.current.Load(), nil
		},
	}
}

// expires is when the certificate in use does.
func (c *certificate) expires() time.Time { return c.current.Load().Leaf.NotAfter }

// look reads the files again if it is time to, and takes what they have if it is new and good.
func (c *certificate) look(now time.Time) {
	if !c.looking.TryLock() {
		return
	}
	defer c.looking.Unlock()
	if now.Sub(c.looked) < lookInterval {
		return
	}
	c.looked = now
	seen := c.files.read()
	if seen == c.last && c.problem == "" {
		return
	}
	c.last = seen
	renewed, err := seen.parse(now)
	if err != nil {
		if problem := err.Error(); problem != c.problem {
			c.problem = problem
			c.log.Warn().Err(err).Time("expires", c.expires()).
				Msg("cannot use the new TLS certificate; the last one stays in use")
		}
		return
	}
	c.problem = ""
	c.current.Store(renewed)
	c.log.Info().Time("expires", c.expires()).Msg("TLS certificate renewed")
}
