// Package console is the gateway's page: a terminal on a session of one's own, and the pool for whoever has the operator's token.
// Everything that it needs is in the program; nothing is loaded from elsewhere. static/hearth.js is the client that it is built on,
// for other pages, too.
package console

import (
	"embed"
	"io/fs"
	"net/http"
)

//go:embed static
var static embed.FS

// policy lets the page use what comes with it and its own host, and nothing else. xterm.js sets styles of its own.
const policy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; img-src 'self' data:; " +
	"font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Handler serves the page at / and what it needs beside it.
func Handler() http.Handler {
	files, err := fs.Sub(static, "static")
	if err != nil {
		panic("console: " + err.Error()) // Invariant: the folder is embedded
	}
	server := http.FileServerFS(files)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", policy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Cache-Control", "no-cache") // it goes with the gateway's version
		server.ServeHTTP(w, r)
	})
}
