package main

import (
	"regexp"
	"strings"

	"hearth/cmd/version"
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
	return report.Basis{Command: strings.Join(words, " "), Version: version.String()}
}

// plainWord is what a shell takes as it is.
var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./:=,%@+-]+$`)
