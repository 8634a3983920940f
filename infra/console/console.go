// Package console is the gateway's page: a terminal on a session of one's own, and the pool for whoever has the operator's token.
// Everything that it needs is in the program; nothing is loaded from elsewhere. hearth/ is the client that it is built on, an npm
// package for other pages, too.
package console

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed static hearth/hearth.js hearth/hearth.d.ts
var embedded embed.FS

// contentTypes are those of the files that there are. The machine's own table may say otherwise, such as that .ts is a video.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
	".mjs": "text/javascript; charset=utf-8", ".ts": "text/plain; charset=utf-8", ".md": "text/plain; charset=utf-8",
	"": "text/plain; charset=utf-8",
}

// policy lets the page use what comes with it and its own host, and nothing else. xterm.js sets styles of its own.
const policy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; img-src 'self' data:; " +
	"font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// file is one that the page consists of.
type file struct {
	body              []byte
	contentType, etag string
}

// Handler serves the page at / and what it needs beside it. On a listener without /ws it has the pool alone.
func Handler(sockets bool) http.Handler {
	files := load()
	if !sockets {
		page := files["/"]
		page.body = bytes.Replace(page.body, []byte("<body>"), []byte(`<body class="pool-only">`), 1)
		files["/"] = newFile("index.html", page.body)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, found := files[r.URL.Path]
		if !found {
			http.NotFound(w, r)
			return
		}
		header := w.Header()
		header.Set("Content-Security-Policy", policy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Cache-Control", "no-cache") // it goes with the gateway's version
		header.Set("ETag", f.etag)
		header.Set("Content-Type", f.contentType)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.body))
	})
}

// load gives every file by the path that it is served at.
func load() map[string]file {
	files := map[string]file{}
	err := fs.WalkDir(embedded, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		body, err := embedded.ReadFile(name)
		_, served, _ := strings.Cut(name, "/")
		if served == "index.html" {
			served = ""
		}
		files["/"+served] = newFile(name, body)
		return err
	})
	if err != nil {
		panic("console: " + err.Error()) // Invariant: the files are embedded
	}
	return files
}

func newFile(name string, body []byte) file {
	sum := sha256.Sum256(body)
	return file{body: body, contentType: contentTypes[path.Ext(name)], etag: `"` + hex.EncodeToString(sum[:8]) + `"`}
}
