// Package report makes a day's report of gateways' JSON logs: what was served and how fast, what went wrong, and how that compares
// with another day. It reads logs as streams, in memory that does not grow with them.
package report
