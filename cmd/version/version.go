// Package version says which release a program is of.
package version

import "runtime/debug"

// linked is set by the linker; `make version` says to what.
var linked string

// String is the release, as 1.2.3, or for what was built on the way to it the commit too, as 1.2.3-dev.4f6bf33. A program that
// was built without the Makefile says what the go command knows of it.
func String() string {
	if linked != "" {
		return linked
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}
