package api

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"hearth/messages"
	"hearth/messages/wire"
)

// as makes a request as an operator and gives the status and the body.
func as(t *testing.T, server *httptest.Server, token, method, path string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

// TestPages: however many pages there are, and whatever ends between two of them, each session that lives is on one, once.
func TestPages(t *testing.T) {
	p := &pool{}
	const count = 25
	for i := range count {
		p.sessions = append(p.sessions, messages.SessionStatus{
			ID: wire.SessionID(fmt.Sprintf("s-%02d", count-i)), User: wire.UserID([]string{"ann", "bob"}[i%2]), State: messages.SessionStateActive,
		})
	}
	server := serve(t, p, true)
	read := func(query string) Page[messages.SessionStatus] {
		t.Helper()
		var page Page[messages.SessionStatus]
		if status, body := as(t, server, "operator", http.MethodGet, "/api/sessions?"+query); status != http.StatusOK ||
			json.Unmarshal([]byte(body), &page) != nil {
			t.Fatalf("%d %s", status, body)
		}
		return page
	}
	seen, after := map[wire.SessionID]int{}, ""
	for pages := 0; ; pages++ {
		page := read("limit=4&after=" + after)
		if len(page.Items) > 4 || pages > count {
			t.Fatalf("page %d has %d", pages, len(page.Items))
		}
		for _, session := range page.Items {
			seen[session.ID]++
		}
		if after = page.Next; after == "" {
			break
		}
		// The page's last one ends: the next page goes on behind it all the same.
		p.sessions = slices.DeleteFunc(p.sessions, func(s messages.SessionStatus) bool { return string(s.ID) == after })
	}
	for id, times := range seen {
		if times != 1 {
			t.Errorf("%s is on %d pages", id, times)
		}
	}
	if len(seen) != count {
		t.Errorf("%d sessions on all pages, want %d", len(seen), count)
	}
	if page := read("user=ann&state=active&limit=1"); page.Total == 0 || page.Total >= len(p.sessions) || page.Items[0].User != "ann" {
		t.Errorf("ann's are %+v", page)
	}
	if page := read("state=parked"); page.Total != 0 || page.Next != "" {
		t.Errorf("parked are %+v", page)
	}
}

// TestAudit: the log says who has done what and from where, also when it came to nothing, and whatever its level is. It never has a
// token, and not everything that somebody without one sends.
func TestAudit(t *testing.T) {
	p := &pool{}
	server := serve(t, p, true)
	for _, path := range []string{"/api/sessions/s-1", "/api/sessions/s-2"} {
		as(t, server, "operator", http.MethodDelete, path)
	}
	as(t, server, "operator", http.MethodGet, "/api/pool") // who looks leaves no line
	for range 50 {
		as(t, server, "guess", http.MethodPost, "/api/drain?"+strings.Repeat("x", 1000))
	}
	lines := strings.Split(strings.TrimSpace(p.log.String()), "\n")
	type line struct {
		Level, Action, Operator, Request, Peer, Message string
		Status                                          int
		Answer                                          map[string]any
	}
	var got []line
	for _, text := range lines {
		var l line
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(l.Peer, "127.0.0.1:") {
			t.Errorf("it does not say from where: %s", text)
		}
		got = append(got, l)
	}
	if len(got) < 3 || len(got) > 20 {
		t.Fatalf("%d lines", len(got))
	}
	if l := got[0]; l.Level != "audit" || l.Action != "end session" || l.Operator != "ann" || l.Request != "DELETE /api/sessions/s-1" ||
		l.Status != 200 || l.Answer["ended"] != 1.0 {
		t.Errorf("%+v", l)
	}
	if l := got[1]; l.Level != "audit" || l.Status != 404 || l.Answer["error"] == nil {
		t.Errorf("%+v", l)
	}
	if l := got[2]; l.Level != "warn" || l.Operator != "" || len(l.Request) > maxLogged {
		t.Errorf("%+v", l)
	}
	if strings.Contains(p.log.String(), "guess") || strings.Contains(p.log.String(), "Bearer") {
		t.Error("the log has a token")
	}
}
