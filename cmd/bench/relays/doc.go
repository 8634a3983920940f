// Package relays starts what Hearth is measured beside: nginx as a WebSocket proxy, a relay in Go that does nothing but pass
// bytes on, and one on Node.js that does what Hearth's predecessor did; and Hearth itself.
package relays
