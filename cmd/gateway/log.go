package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/term"
)

// formatJSON is the LOG_FORMAT of which every line on standard error is a JSON object, from the first to the last.
const formatJSON = "json"

// logger writes lines of the flags' format and level, and gives them as JSON to others as well.
func logger(f *flags, w io.Writer, also ...io.Writer) zerolog.Logger {
	level, err := zerolog.ParseLevel(f.LogLevel)
	if err != nil || level == zerolog.NoLevel { // the flag's enum has only levels, and flags that could not be parsed have none
		level = zerolog.InfoLevel
	}
	zerolog.TimeFieldFormat = time.RFC3339Nano
	if f.LogFormat != formatJSON {
		w = zerolog.ConsoleWriter{Out: w, TimeFormat: "15:04:05.000", NoColor: !term.IsTerminal(int(os.Stderr.Fd()))}
	}
	if len(also) > 0 {
		w = zerolog.MultiLevelWriter(append([]io.Writer{w}, also...)...)
	}
	return zerolog.New(w).Level(level).With().Timestamp().Logger()
}

// askedFormat is the LOG_FORMAT of flags that could not be parsed, as far as it can be told.
func askedFormat(args []string) string {
	const flag = "--log-format"
	if i := slices.Index(args, flag); i >= 0 && i+1 < len(args) {
		return args[i+1]
	}
	for _, arg := range args {
		if value, is := strings.CutPrefix(arg, flag+"="); is {
			return value
		}
	}
	return os.Getenv("LOG_FORMAT")
}

// complain tells each problem on a line of its own, and gives the exit code.
func complain(f *flags, err error, code int) int {
	for _, problem := range problems(err) {
		if f.LogFormat == formatJSON {
			log := logger(f, os.Stderr)
			log.Error().Msg(problem.Error())
			continue
		}
		fmt.Fprintln(os.Stderr, "gateway:", problem)
	}
	return code
}

// problems takes joined errors apart, so that each has its line.
func problems(err error) []error {
	var joined interface{ Unwrap() []error }
	if !errors.As(err, &joined) {
		return []error{err}
	}
	var all []error
	for _, each := range joined.Unwrap() {
		all = append(all, problems(each)...)
	}
	return all
}

// say tells a person something that is not for the log, whatever the LOG_LEVEL: it may have the DEV_TOKEN.
func say(f *flags, format string, values ...any) {
	text := fmt.Sprintf(format, values...)
	if f.LogFormat == formatJSON {
		log := logger(f, os.Stderr).Level(zerolog.InfoLevel)
		log.Info().Msg(text)
		return
	}
	fmt.Fprintln(os.Stderr, "gateway:", text)
}

// reportPanic makes a line of the log of a panic, where that is JSON, and ends the process as the panic would have.
func reportPanic(f *flags) {
	if f.LogFormat != formatJSON {
		return
	}
	if reason := recover(); reason != nil {
		log := logger(f, os.Stderr)
		log.WithLevel(zerolog.PanicLevel).Str("panic", fmt.Sprint(reason)).Str("stack", string(debug.Stack())).Msg("the gateway crashed")
		os.Exit(exitUsage)
	}
}
