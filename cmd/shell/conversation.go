package main

import (
	"context"
	"errors"
	"io"
	"os"
	"syscall"
	"time"

	"hearth/infra/client"
	"hearth/messages/wire"
)

const (
	// closeLimit is how long a polite end may take.
	closeLimit = 5 * time.Second
	// byeLimit is how long the gateway may take to end a session whose agent has exited.
	byeLimit = 5 * time.Second
)

// conversation is one run of the shell, from a dialled session to an exit code.
type conversation struct {
	session *client.Session
	signals <-chan os.Signal
	linger  time.Duration
	stdin   io.Reader
	stdout  printer
	// keyboard and screen are the terminal that the shell has on both ends, nil without one.
	keyboard, screen *os.File
	notes            *notes

	fed      chan error   // how the input ended
	restore  func()       // gives the terminal back; nil while it is not the agent's
	io       wire.AgentIO // how the agent takes input, once it is ready
	begun    bool         // the input is read
	given    bool         // the input has ended and the agent has been given all of it
	inputErr error        // what kept some of it from being read or sent
	attached bool         // there is a socket
	ready    bool         // the agent takes input, as far as was heard
	exit     *wire.Exit   // the agent has ended
	deadline *time.Timer  // the linger, or the bye after an exit; see rearm
}

// run talks until one side ends it.
func (c *conversation) run() int {
	defer c.session.Detach()
	c.deadline = time.NewTimer(time.Hour)
	c.deadline.Stop()
	c.fed = make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	defer c.giveBack()
	for {
		select {
		case event, open := <-c.session.Events():
			if !open {
				// Invariant: the session is detached or closed by this goroutine only, which then does not come back here.
				panic("shell: events ended without Ended")
			}
			if ended, ok := event.(client.Ended); ok {
				return c.ended(ended)
			}
			if err := c.handle(event); err != nil {
				c.notes.fail("error output: " + err.Error())
				return c.close(exitFailed)
			}
			if ready, ok := event.(wire.Ready); ok && !c.begun {
				c.begun = true
				c.begin(ctx, ready.IO)
			}
			c.rearm()
		case c.inputErr = <-c.fed:
			if errors.As(c.inputErr, new(errDetached)) {
				return c.detach()
			}
			c.given = true
			c.sayInputError()
			if c.io != "" && c.inputErr == nil {
				c.session.EOF()
			}
			c.rearm()
		case <-c.deadline.C:
			return c.close(c.code())
		case sig := <-c.signals:
			return c.close(signalCode(sig))
		}
	}
}

// begin reads the input from here on, as the agent takes it: lines, or, for one with a terminal, what is typed.
func (c *conversation) begin(ctx context.Context, io wire.AgentIO) {
	c.io = io
	switch {
	case io == wire.IOTerminal && !c.stdout.raw:
		go c.feedKeys(ctx, c.takeTerminal())
	case c.keyboard != nil && c.notes.terminal:
		go c.feedLines(ctx, c.openEditor())
	default:
		go c.feedLines(ctx, linesOf(c.stdin))
	}
}

func (c *conversation) feedKeys(ctx context.Context, own *escape) {
	c.fed <- feedKeys(ctx, c.session, c.stdin, own)
}

func (c *conversation) feedLines(ctx context.Context, next func() (string, error)) {
	c.fed <- feed(ctx, c.session, next, encoder(c.stdout.raw, c.io))
}

// takeTerminal makes the user's terminal the agent's, if there is one, and gives what finds the keys that are the shell's own.
func (c *conversation) takeTerminal() *escape {
	if c.keyboard == nil {
		return nil
	}
	c.notes.say("a new line and ~. leave the session, which goes on")
	restore, err := rawTerminal(c.session, c.keyboard, c.screen)
	if err != nil {
		c.notes.fail("error terminal: " + err.Error())
		return nil
	}
	c.restore, c.notes.raw = restore, true
	return newEscape()
}

// openEditor gives the lines that the user types; what is said meanwhile stands above them.
func (c *conversation) openEditor() func() (string, error) {
	e, err := newEditor(c.keyboard, c.screen)
	if err != nil {
		c.notes.fail("error terminal: " + err.Error())
		return linesOf(c.stdin)
	}
	notes, stdout := c.notes.to, c.stdout.to
	c.stdout.to, c.notes.to, c.notes.terminal = e, e, false
	c.restore = func() {
		e.restore()
		c.stdout.to, c.notes.to, c.notes.terminal = stdout, notes, true
	}
	return e.ReadLine
}

// giveBack gives the terminal back to whoever had it before.
func (c *conversation) giveBack() {
	if c.restore != nil {
		c.restore()
		c.restore, c.notes.raw = nil, false
	}
}

// detach leaves the session to itself.
func (c *conversation) detach() int {
	c.giveBack()
	c.session.Detach()
	c.notes.fail("")
	c.notes.fail(resumeText(c.session.ID()))
	return 0
}

// handle takes an event. An error means that standard output takes no more.
func (c *conversation) handle(event client.Event) error {
	switch e := event.(type) {
	case wire.Data:
		c.notes.clear()
		return c.stdout.print(e, c.io)
	case wire.Session:
		c.attached = true
		if c.ready {
			c.notes.say("reconnected")
		}
	case wire.Status:
		c.ready = e.State == wire.StateReady
		if c.ready {
			c.notes.clear()
		} else {
			c.notes.wait(statusText(e))
		}
	case wire.Ready:
		if !c.ready || e.Path != wire.PathResumed {
			c.notes.say(readyText(e, c.session.ID()))
		}
		c.ready, c.exit = true, nil
	case wire.Gap:
		c.notes.fail(gapText(e))
	case wire.Exit:
		c.exit = &e
		c.notes.say(exitText(e))
	case wire.Error:
		if e.Retryable {
			c.notes.say("error " + client.Refusal(e).Error())
		}
	case client.Violation:
		c.notes.say("error protocol: " + e.Err.Error())
	case client.Reconnecting:
		c.attached = false
		c.notes.wait(reconnectingText(e))
	}
	return nil
}

// rearm sets the one deadline anew after every event. Once the agent has exited, the gateway is to end the session. Once
// it has been given all input, it is to go on talking, or have no more to say; while it cannot be heard, time stands still.
func (c *conversation) rearm() {
	switch {
	case c.exit != nil:
		c.deadline.Reset(byeLimit)
	case c.io != "" && c.inputErr == nil:
		c.deadline.Stop() // the agent knows of the end, and comes to its own
	case c.given && c.ready && c.attached:
		c.deadline.Reset(c.linger)
	default:
		c.deadline.Stop()
	}
}

// code is what the shell exits with if nothing goes wrong any more.
func (c *conversation) code() int {
	switch {
	case c.exit != nil:
		return c.exit.Code
	case c.inputErr != nil:
		return exitFailed
	}
	return 0
}

// ended says why the session is over, unless that was to be expected.
func (c *conversation) ended(e client.Ended) int {
	c.giveBack()
	c.notes.clear()
	if c.exit != nil || e.Reason == client.EndClosed {
		return c.code()
	}
	c.notes.fail(endText(e))
	if e.Lives {
		c.notes.fail(resumeText(e.Session))
	}
	return exitFailed
}

// close ends the session, and lets go of it when the user cannot wait.
func (c *conversation) close(code int) int {
	c.giveBack()
	c.notes.wait("ending the session …")
	ctx, cancel := context.WithTimeout(context.Background(), closeLimit)
	defer cancel()
	closed := make(chan error, 1)
	go func() { closed <- c.session.Close(ctx) }()
	var err error
	select {
	case err = <-closed:
	case sig := <-c.signals:
		code = signalCode(sig)
		c.session.Detach()
		err = <-closed
	}
	c.notes.clear()
	var end *client.EndError
	if !errors.As(err, &end) {
		return code
	}
	c.notes.fail(resumeText(end.Session))
	return max(code, exitFailed)
}

// sayInputError says what is wrong with the input itself; an end of the session has an event of its own.
func (c *conversation) sayInputError() {
	var end *client.EndError
	if errors.As(c.inputErr, &end) {
		c.inputErr = nil
	}
	if c.inputErr != nil {
		c.notes.fail("error input: " + c.inputErr.Error())
	}
}

func signalCode(sig os.Signal) int {
	number, _ := sig.(syscall.Signal)
	return exitSignal + int(number)
}
