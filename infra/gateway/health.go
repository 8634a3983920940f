package gateway

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"time"
)

const healthTimeout = 4 * time.Second

// CheckHealth asks the gateway that runs with the same settings on this machine whether it is up, for container health
// checks in an image without other programs. The certificate is not verified: it is for another name than this machine's.
func CheckHealth(ctx context.Context, cfg Config) error {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	scheme := "http"
	if cfg.TLS.set() {
		scheme = "https"
	}
	listener, err := net.ResolveTCPAddr("tcp", cfg.ListenAddr)
	if err != nil {
		return fmt.Errorf("LISTEN_ADDR: %w", err)
	}
	url := dialURL(scheme, listener) + "/healthz"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	defer transport.CloseIdleConnections()
	res, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: HTTP status %d", url, res.StatusCode)
	}
	return nil
}
