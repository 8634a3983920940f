package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"hearth/infra/report"
)

type reportCommand struct {
	Logs    []string `arg:"" optional:"" name:"log" help:"JSON logs, plain or gzipped: parts of one, or those of several gateways. Without any, or with -, standard input."`
	Against []string `placeholder:"LOG" help:"Logs of another day, to compare with."`
	Trace   string   `placeholder:"FILE" help:"Write the sessions there, as a recording for sim replay --session-column length_s."`
}

// Run makes the report. It asks no gateway.
func (c reportCommand) Run(e *env) (err error) {
	var trace io.Writer
	if c.Trace != "" {
		file, err := os.Create(c.Trace)
		if err != nil {
			return usageError{err}
		}
		trace = file
		defer func() { err = errors.Join(err, file.Close()) }()
	}
	day, err := c.read(e, c.Logs, trace)
	if err != nil {
		return err
	}
	var against *report.Day
	if len(c.Against) > 0 {
		if against, err = c.read(e, c.Against, nil); err != nil {
			return err
		}
	}
	switch {
	case !e.json:
		return report.Markdown(e.stdout, day, against)
	case against != nil:
		return e.printJSON(report.Compare(day, against))
	}
	return e.printJSON(day)
}

// read makes a report of files.
func (c reportCommand) read(e *env, paths []string, trace io.Writer) (*report.Day, error) {
	if len(paths) == 0 {
		paths = []string{"-"}
	}
	var logs []io.Reader
	for _, path := range paths {
		if path == "-" {
			logs = append(logs, e.stdin)
			continue
		}
		file, err := os.Open(path)
		if err != nil {
			return nil, usageError{err}
		}
		defer func() { _ = file.Close() }() // it was only read
		logs = append(logs, file)
	}
	day, err := report.Read(logs, trace)
	if err != nil {
		return nil, err
	}
	if day.Lines == 0 {
		return nil, fmt.Errorf("no log lines of a gateway's; %d others. Gateways write them with LOG_FORMAT=json", day.OtherLines)
	}
	return day, nil
}
