package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// callTimeout bounds a request with its answer.
const callTimeout = 15 * time.Second

// maxAnswer bounds an answer, in bytes.
const maxAnswer = 64 << 20

// gateway is one that is reached over HTTP.
type gateway struct {
	base, token string
	client      http.Client
}

// newGateway takes http, https, ws and wss, and the address of a page of it.
func newGateway(address, token string) (*gateway, error) {
	base, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("--url: %w", err)
	}
	switch base.Scheme {
	case "ws":
		base.Scheme = "http"
	case "wss":
		base.Scheme = "https"
	case "http", "https":
	default:
		return nil, fmt.Errorf("--url: %q must begin with http:// or https://", address)
	}
	if base.Host == "" || base.User != nil || base.RawQuery != "" {
		return nil, fmt.Errorf("--url: %q must be http://host:port", address)
	}
	return &gateway{
		base: strings.TrimRight(base.String(), "/"), token: token,
		// A redirect would take the token elsewhere.
		client: http.Client{Timeout: callTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}, nil
}

// call makes a request with a body, if that is not nil, and reads the answer.
func (g *gateway) call(ctx context.Context, method, path string, body, answer any) error {
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		content = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, g.base+path, content)
	if err != nil {
		return err
	}
	if g.token != "" {
		request.Header.Set("Authorization", "Bearer "+g.token)
	}
	response, err := g.client.Do(request)
	if err != nil {
		return fmt.Errorf("the gateway cannot be reached: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("%s%s: %w", g.base, path, err)
	}
	if response.StatusCode/100 != 2 {
		return g.refused(path, response.StatusCode, text)
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return fmt.Errorf("%s%s is not a gateway's answer: %w", g.base, path, err)
	}
	return nil
}

// refused says why the gateway said no, and what to do.
func (g *gateway) refused(path string, status int, text []byte) error {
	var said struct{ Error string }
	if json.Unmarshal(text, &said) != nil || said.Error == "" {
		return fmt.Errorf("%s%s: HTTP %d (is this the gateway's internal listener?)", g.base, path, status)
	}
	switch {
	case status == http.StatusUnauthorized && g.token == "":
		return errors.New("an operator's token is needed: set OPERATOR_TOKEN, or give --token-file")
	case status == http.StatusUnauthorized:
		return errors.New("the gateway does not take this operator's token")
	}
	return errors.New(said.Error)
}

// pages reads a list to its end, or to so many items.
func pages[T any](ctx context.Context, g *gateway, path string, query url.Values, most int) (items []T, total int, err error) {
	for {
		query.Set("limit", fmt.Sprint(min(most-len(items), 1000)))
		var page struct {
			Items []T
			Next  string
			Total int
		}
		if err := g.call(ctx, http.MethodGet, path+"?"+query.Encode(), nil, &page); err != nil {
			return nil, 0, err
		}
		if total == 0 {
			total = page.Total
		}
		items = append(items, page.Items...)
		if page.Next == "" || len(items) >= most {
			return items, total, nil
		}
		query.Set("after", page.Next)
	}
}
