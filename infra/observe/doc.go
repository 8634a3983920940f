// Package observe turns the facts that actors report into log lines, metrics and readiness. It is the production
// implementation of actors.Observer, and the one place that knows how each fact is worded and counted.
package observe
