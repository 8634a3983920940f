package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"hearth/cmd/bench/relays"
	"hearth/cmd/bench/rig"
)

// row is a kind of measurement.
type row struct {
	name string
	run  func(*bench, context.Context) error
}

// rows are all of them, in the order in which they are measured.
func rows() []row {
	return []row{
		{"relay", (*bench).relay},
		{"streams", (*bench).streams},
		{"latency", (*bench).latency},
		{"claims", (*bench).claims},
		{"sustained", (*bench).sustained},
		{"interactive", (*bench).interactive},
		{"starts", (*bench).starts},
		{"bridge", (*bench).bridge},
		{"memory", (*bench).memory},
		{"simulator", (*bench).simulator},
		{"crowd", (*bench).crowd},
		{"soak", (*bench).soak},
	}
}

func rowNames() (names []string) {
	for _, r := range rows() {
		names = append(names, r.name)
	}
	return names
}

func rowNumber(name string) int { return slices.Index(rowNames(), name) }

// chosenRows are those of the names, or all.
func chosenRows(names []string) (chosen []row, err error) {
	if len(names) == 0 {
		return rows(), nil
	}
	for _, name := range names {
		i := rowNumber(name)
		if i < 0 {
			return nil, fmt.Errorf("there is no row %q, of %s", name, strings.Join(rowNames(), ", "))
		}
		chosen = append(chosen, rows()[i])
	}
	return chosen, nil
}

// options are what to measure.
type options struct {
	rows          []row
	size          sizes
	dir, programs string
	progress      io.Writer
}

// bench is a row that is being measured.
type bench struct {
	*rig.Series
	options
	kit relays.Kit
	// results are those of the rows before, and of earlier runs.
	results *Results
}

// say tells how it goes.
func (b *bench) say(format string, arguments ...any) {
	fmt.Fprintf(b.progress, "%s  %s\n", time.Now().Format(time.TimeOnly), fmt.Sprintf(format, arguments...))
}

// measure measures the rows one after the other, and writes the results after each.
func measure(ctx context.Context, o options) (Results, error) {
	files, err := rig.AllowFiles()
	if err != nil {
		return Results{}, err
	}
	dir, err := filepath.Abs(o.dir)
	if err != nil {
		return Results{}, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return Results{}, err
	}
	kit := relays.Kit{Programs: o.programs, Dir: dir, Files: files}
	if err := kit.Install(ctx); err != nil {
		return Results{}, err
	}
	machine, err := thisMachine(ctx)
	if err != nil {
		return Results{}, err
	}
	results, err := earlier(filepath.Join(dir, resultsFile), machine)
	if err != nil {
		return Results{}, err
	}
	version, err := exec.CommandContext(ctx, kit.Program("gateway"), "--version").Output()
	if err != nil {
		return Results{}, fmt.Errorf("gateway --version: %w", err)
	}
	for i, r := range o.rows {
		b := &bench{Series: rig.NewSeries(r.name), options: o, kit: kit, results: &results}
		b.say("row %d of %d: %s", i+1, len(o.rows), r.name)
		load, err := loadAverage()
		if err != nil {
			return Results{}, err
		}
		began := time.Now()
		if err := r.run(b, ctx); err != nil {
			return Results{}, fmt.Errorf("%s: %w", r.name, err)
		}
		results.replace(Run{
			Row: r.name, Size: o.size.name, Began: began.UTC().Truncate(time.Second), Seconds: time.Since(began).Seconds(),
			Version: strings.TrimSpace(string(version)), Load: load,
		}, b.Figures())
		if err := results.write(dir); err != nil {
			return Results{}, err
		}
	}
	return results, nil
}
