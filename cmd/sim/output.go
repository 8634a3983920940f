package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"hearth/sim/report"
)

// outputFlags say how a result is shown.
type outputFlags struct {
	Format string `default:"table" enum:"table,json,csv" group:"Output" help:"table, json or csv."`
	Plot   string `placeholder:"FILE.png" group:"Output" help:"Draw a picture; a name that ends in .svg gets SVG."`
	HTML   string `name:"html" placeholder:"FILE.html" group:"Output" help:"Write a page that holds everything it needs."`
}

// shown is a result in every form.
type shown struct {
	text   func(io.Writer) error
	json   any
	csv    *report.Table
	charts []report.Chart
	page   *report.Page
}

// show writes a result in the forms that were asked for.
func (f outputFlags) show(c *console, s shown) error {
	if f.Plot != "" {
		draw := report.PNG
		if strings.HasSuffix(strings.ToLower(f.Plot), ".svg") {
			draw = report.Drawing
		}
		err := writeFile(f.Plot, func(w io.Writer) error { return draw(w, s.charts, c.basis.Lines()) })
		if err != nil {
			return fmt.Errorf("--plot: %w", err)
		}
	}
	if f.HTML != "" {
		s.page.Foot = c.basis.Lines()
		if err := writeFile(f.HTML, s.page.HTML); err != nil {
			return fmt.Errorf("--html: %w", err)
		}
	}
	switch f.Format {
	case "json":
		return report.JSON(c.out, c.basis, s.json)
	case "csv":
		return s.csv.CSV(c.out)
	}
	return s.text(c.out)
}

// writeFile creates a file and has it written.
func writeFile(path string, write func(io.Writer) error) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(write(file), file.Close())
}

// progress shows how far a long run is, when there is someone to look at it. The first function it returns is told shares
// of 1, the second ends it.
func (c *console) progress(what string) (report func(share float64), done func()) {
	file, ok := c.err.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return nil, func() {}
	}
	bar := newBar(file, what)
	// A bar that cannot be drawn is no reason to end a run.
	return func(share float64) { _ = bar.Set(int(share * barSteps)) }, func() { _ = bar.Finish() }
}

// steps is progress for work in several steps, whose number nobody knows before: each has a bar of its own, and says what
// it is.
func (c *console) steps() (report func(what string, share float64), done func()) {
	file, ok := c.err.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return nil, func() {}
	}
	var bar *progressbar.ProgressBar
	current := ""
	report = func(what string, share float64) {
		if bar == nil || what != current {
			if bar != nil {
				_ = bar.Finish()
			}
			bar, current = newBar(file, what), what
		}
		_ = bar.Set(int(share * barSteps))
	}
	return report, func() {
		if bar != nil {
			_ = bar.Finish()
		}
	}
}

// barSteps is how finely a bar is divided.
const barSteps = 1000

func newBar(file *os.File, what string) *progressbar.ProgressBar {
	return progressbar.NewOptions(barSteps,
		progressbar.OptionSetWriter(file), progressbar.OptionSetDescription(what), progressbar.OptionSetWidth(40),
		progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(),
		progressbar.OptionSetPredictTime(true),
	)
}
