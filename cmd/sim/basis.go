package main

import (
	"regexp"
	"runtime/debug"
	"strings"

	"hearth/sim/report"
)

// newBasis is what a result was made by.
func newBasis(args []string) report.Basis {
	words := []string{"sim"}
	for _, arg := range args {
		if !plainWord.MatchString(arg) {
			arg = "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
		}
		words = append(words, arg)
	}
	basis := report.Basis{Command: strings.Join(words, " "), Version: "unknown"}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		basis.Version = info.Main.Version
	}
	return basis
}

// plainWord is what a shell takes as it is.
var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./:=,%@+-]+$`)
