package localecs

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// maxLine bounds a line of a task's output, in bytes; what is beyond is counted and left out.
const maxLine = 16 << 10

// output takes the lines that tasks write, and gives them to a writer or a log.
type output struct {
	mu  sync.Mutex // keeps lines whole
	w   io.Writer  // may be nil
	log zerolog.Logger
}

func newOutput(w io.Writer, log zerolog.Logger) *output { return &output{w: w, log: log} }

func (o *output) line(task, container, stream, line string) {
	if o.w == nil {
		o.logLine(task, container, stream, line)
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, err := fmt.Fprintf(o.w, "%s/%s %s %s\n", shortID(task), container, stream, line); err != nil {
		o.log.Warn().Err(err).Msg("a task's output could not be passed on")
	}
}

// logLine makes a log line of it. One that is such a line already, as a bridge's, stays what it is: its level, its message and its
// fields, which keep their names.
func (o *output) logLine(task, container, stream, line string) {
	level, message := zerolog.InfoLevel, line
	var fields map[string]any
	decoder := json.NewDecoder(strings.NewReader(line))
	decoder.UseNumber() // as it was written
	if decoder.Decode(&fields) == nil && !decoder.More() {
		name, _ := fields[zerolog.LevelFieldName].(string)
		text, hasMessage := fields[zerolog.MessageFieldName].(string)
		if own, err := zerolog.ParseLevel(name); err == nil && name != "" && hasMessage {
			level, message = own, text
		} else {
			fields = nil
		}
	} else {
		fields = nil
	}
	for _, name := range []string{zerolog.LevelFieldName, zerolog.MessageFieldName, zerolog.TimestampFieldName} {
		delete(fields, name)
	}
	if fields == nil {
		fields = map[string]any{"stream": stream}
	}
	if fields["task"] == nil {
		fields["task"] = shortID(task)
	}
	fields["container"] = container
	o.log.WithLevel(level).Fields(fields).Msg(message)
}

// pipes carry a process's stdout and stderr; its stdin is empty.
type pipes struct {
	stdin, outRead, outWrite, errRead, errWrite *os.File
}

func openPipes() (p *pipes, err error) {
	p = &pipes{}
	defer func() {
		if err != nil {
			p.closeChild()
			p.closeParent()
		}
	}()
	if p.stdin, err = os.Open(os.DevNull); err != nil {
		return nil, err
	}
	if p.outRead, p.outWrite, err = os.Pipe(); err != nil {
		return nil, err
	}
	if p.errRead, p.errWrite, err = os.Pipe(); err != nil {
		return nil, err
	}
	return p, nil
}

func (p *pipes) child() []*os.File { return []*os.File{p.stdin, p.outWrite, p.errWrite} }

func (p *pipes) closeChild() { closeFiles(p.stdin, p.outWrite, p.errWrite) }

func (p *pipes) closeParent() { closeFiles(p.outRead, p.errRead) }

// closeFiles closes ends of pipes, where an error would say nothing; those that were never opened are nil.
func closeFiles(files ...*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}

// forward passes every line on until the pipes' end, or until they expire; then the channel is closed.
func (p *pipes) forward(line func(stream, line string)) <-chan struct{} {
	var reading sync.WaitGroup
	reading.Go(func() { forwardLines(p.outRead, func(l string) { line("stdout", l) }) })
	reading.Go(func() { forwardLines(p.errRead, func(l string) { line("stderr", l) }) })
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		reading.Wait()
		p.closeParent()
	}()
	return drained
}

// expire ends the reading after d, even if someone still holds the other end.
func (p *pipes) expire(d time.Duration) {
	for _, f := range []*os.File{p.outRead, p.errRead} {
		if err := f.SetReadDeadline(time.Now().Add(d)); err != nil && !errors.Is(err, os.ErrClosed) {
			_ = f.Close() // without a deadline this is what ends a read
		}
	}
}

// forwardLines reads lines of any length, and passes on maxLine bytes of each.
func forwardLines(r io.Reader, line func(string)) {
	buffered := bufio.NewReaderSize(r, maxLine)
	for {
		part, more, err := buffered.ReadLine()
		if err != nil {
			return // the end, or the deadline; a pipe knows no other
		}
		text := strings.TrimSuffix(string(part), "\r")
		left := 0
		for more && err == nil {
			part, more, err = buffered.ReadLine()
			left += len(part)
		}
		if left > 0 {
			text += fmt.Sprintf(" … %d bytes left out", left)
		}
		line(text)
	}
}
