package console

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func get(t *testing.T, handler http.Handler, path string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

// TestContentTypes are the same on every machine.
func TestContentTypes(t *testing.T) {
	handler := Handler(true)
	for path, want := range map[string]string{
		"/": "text/html", "/console.css": "text/css", "/console.js": "text/javascript", "/hearth.js": "text/javascript",
		"/hearth.d.ts": "text/plain", "/vendor/xterm.mjs": "text/javascript", "/vendor/LICENSE": "text/plain",
	} {
		w := get(t, handler, path)
		if got := w.Header().Get("Content-Type"); w.Code != http.StatusOK || got != want+"; charset=utf-8" {
			t.Errorf("%s: %d %s", path, w.Code, got)
		}
		if w.Header().Get("Content-Security-Policy") != policy || w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", path, w.Header())
		}
	}
	for path, f := range load() {
		if f.contentType == "" {
			t.Errorf("%s has no content type", path)
		}
	}
	for _, path := range []string{"/vendor/", "/vendor", "/index", "/test/session.test.js", "/package.json"} {
		if w := get(t, handler, path); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

// TestWhatHasNotChangedIsNotSentAgain although it is asked for on every visit.
func TestWhatHasNotChangedIsNotSentAgain(t *testing.T) {
	handler := Handler(true)
	etag := get(t, handler, "/vendor/xterm.mjs").Header().Get("ETag")
	if w := get(t, handler, "/vendor/xterm.mjs", "If-None-Match", etag); w.Code != http.StatusNotModified || w.Body.Len() != 0 {
		t.Errorf("%d with %d bytes", w.Code, w.Body.Len())
	}
}

// TestThePageKnowsWhereThereAreNoSockets and then does not try to open one.
func TestThePageKnowsWhereThereAreNoSockets(t *testing.T) {
	with, without := get(t, Handler(true), "/"), get(t, Handler(false), "/")
	const mark = `<body class="pool-only">`
	if strings.Contains(with.Body.String(), mark) || !strings.Contains(without.Body.String(), mark) {
		t.Error("the two pages do not differ")
	}
	if with.Header().Get("ETag") == without.Header().Get("ETag") {
		t.Error("a cache takes one for the other")
	}
}
