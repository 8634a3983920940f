package localecs

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// Whoever may call this endpoint runs programs as its user, so it trusts nobody for being on the same machine: the tasks are,
// too. Calls of the API carry AWS's signature, version 4, over one pair of keys; control paths carry the pair itself, as HTTP's
// Basic authentication, which curl and loopback make easy. A task's metadata is found by an id that only it is told.

// maxClockSkew is how far a signature's time may be from now, as with AWS.
const maxClockSkew = 15 * time.Minute

// signatureScheme is what an Authorization header begins with (AWS Signature Version 4).
const signatureScheme = "AWS4-HMAC-SHA256"

// signatureTime is how a signature's time is written.
const signatureTime = "20060102T150405Z"

// randomKeys makes a pair of keys in AWS's form.
func randomKeys() aws.Credentials {
	return aws.Credentials{AccessKeyID: "AKIALOCAL" + rand.Text()[:11], SecretAccessKey: rand.Text() + rand.Text()}
}

// Credentials are the keys that calls must be signed with: the Config's, or those that Start made.
func (s *Server) Credentials() aws.Credentials {
	return aws.Credentials{AccessKeyID: s.cfg.AccessKeyID, SecretAccessKey: s.cfg.SecretAccessKey}
}

// withKeys lets only calls through that show the keys.
func (s *Server) withKeys(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, "/v4/"):
		case strings.HasPrefix(r.URL.Path, "/_localecs/"):
			if !s.showsKeys(r) {
				w.Header().Set("WWW-Authenticate", `Basic realm="localecs"`)
				s.writeJSON(w, jsonType, http.StatusUnauthorized, controlError{`curl --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"`})
				return
			}
		default:
			if refused := s.checkSignature(w, r); refused != nil {
				answer := s.answer
				if isForm(r) {
					answer = s.answerXML
				}
				answer(w, strings.TrimPrefix(r.Header.Get("X-Amz-Target"), targetPrefix), nil, refused)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Server) showsKeys(r *http.Request) bool {
	id, secret, _ := r.BasicAuth()
	return equal(id, s.cfg.AccessKeyID) && equal(secret, s.cfg.SecretAccessKey)
}

// equal compares in a time that does not tell where the two differ.
func equal(a, b string) bool {
	one, other := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(one[:], other[:]) == 1
}

// signature is what an Authorization header says.
type signature struct {
	key, date, region, service string
	headers                    []string
	hex                        string
}

// parseSignature reads "AWS4-HMAC-SHA256 Credential=key/date/region/service/aws4_request, SignedHeaders=a;b, Signature=hex".
func parseSignature(header string) (s signature, ok bool) {
	rest, ok := strings.CutPrefix(header, signatureScheme+" ")
	if !ok {
		return s, false
	}
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "Credential":
			scope := strings.Split(value, "/")
			if len(scope) != 5 || scope[4] != "aws4_request" {
				return s, false
			}
			s.key, s.date, s.region, s.service = scope[0], scope[1], scope[2], scope[3]
		case "SignedHeaders":
			s.headers = strings.Split(value, ";")
		case "Signature":
			s.hex = value
		}
	}
	return s, s.key != "" && s.hex != "" && len(s.headers) > 0
}

// checkSignature signs the request anew as it says that it was signed, and compares. The body is read for that and put back.
func (s *Server) checkSignature(w http.ResponseWriter, r *http.Request) error {
	claimed, ok := parseSignature(r.Header.Get("Authorization"))
	if !ok {
		return fault("MissingAuthenticationTokenException", "The request is not signed (%s).", signatureScheme)
	}
	if !equal(claimed.key, s.cfg.AccessKeyID) {
		return fault("UnrecognizedClientException", "The security token included in the request is invalid.")
	}
	at, err := time.Parse(signatureTime, r.Header.Get("X-Amz-Date"))
	if err != nil || at.Format("20060102") != claimed.date || time.Since(at).Abs() > maxClockSkew {
		return fault("InvalidSignatureException", "Signature expired, or its time is not the request's.")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return unreadable(err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	again, err := s.sign(r, claimed, at, sha256.Sum256(body))
	if err != nil || !equal(again.hex, claimed.hex) {
		return fault("InvalidSignatureException", "The request signature we calculated does not match the signature you provided.")
	}
	return nil
}

// sign makes the signature that a request with these signed headers must have.
func (s *Server) sign(r *http.Request, claimed signature, at time.Time, hash [sha256.Size]byte) (signature, error) {
	bare := &http.Request{Method: r.Method, URL: r.URL, Host: r.Host, Header: http.Header{}}
	hasHost := false
	for _, name := range claimed.headers {
		switch {
		case name == "host":
			hasHost = true
		case name == "content-length":
			bare.ContentLength = r.ContentLength
		default:
			bare.Header[http.CanonicalHeaderKey(name)] = r.Header.Values(name)
		}
	}
	if !hasHost { // what is not signed could be anybody's
		return signature{}, errors.New("the host is not signed")
	}
	err := v4.NewSigner().SignHTTP(context.Background(), s.Credentials(), bare, hex.EncodeToString(hash[:]), claimed.service, claimed.region, at)
	if err != nil {
		return signature{}, err
	}
	again, _ := parseSignature(bare.Header.Get("Authorization"))
	return again, nil
}
