package api

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"hearth/infra/testkit"
)

// watch opens a feed. Its events come on the channel, which is closed at its end.
func watch(t *testing.T, url string) (*http.Response, <-chan feedEvent, context.CancelFunc) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/api/feed", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer operator")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	events := make(chan feedEvent)
	go func() {
		defer close(events)
		defer func() { _ = response.Body.Close() }()
		for lines := bufio.NewScanner(response.Body); lines.Scan(); {
			text, found := strings.CutPrefix(lines.Text(), "data: ")
			var event feedEvent
			if !found || json.Unmarshal([]byte(text), &event) != nil {
				continue
			}
			select {
			case events <- event:
			case <-ctx.Done():
				return
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		for range events { // to its end
		}
	})
	return response, events, cancel
}

// TestTheFeed tells of the pool at once, and again when something has happened, but not without a pause.
func TestTheFeed(t *testing.T) {
	p := &pool{changed: make(chan struct{})}
	server := serve(t, p, true)
	response, events, _ := watch(t, server.URL)
	if kind := response.Header.Get("Content-Type"); kind != "text/event-stream" {
		t.Errorf("content type %q", kind)
	}
	if first := testkit.Receive(t, events); first.Status.Pool.Ready != 3 || first.Hour.Minutes[59].Starts != 7 {
		t.Errorf("%+v", first)
	}
	begun := time.Now()
	close(p.changed) // from here on something happens all the time
	testkit.Receive(t, events)
	testkit.Receive(t, events)
	if took := time.Since(begun); took < feedPause || took > feedEvery {
		t.Errorf("two events within %v", took)
	}
}

// TestFeedsAreBounded, and the place of one that has gone is free again.
func TestFeedsAreBounded(t *testing.T) {
	server := serve(t, &pool{}, true)
	var leave context.CancelFunc
	for range maxFeeds {
		var response *http.Response
		if response, _, leave = watch(t, server.URL); response.StatusCode != http.StatusOK {
			t.Fatal(response.Status)
		}
	}
	response, _, _ := watch(t, server.URL)
	if response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") == "" {
		t.Errorf("%s %v", response.Status, response.Header)
	}
	leave()
	testkit.Eventually(t, "there is room again", func() bool {
		response, _, _ := watch(t, server.URL)
		return response.StatusCode == http.StatusOK
	})
}
