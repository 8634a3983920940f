package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"hearth/sim/report"
	"hearth/sim/run"
)

// runCommand plays one configuration.
type runCommand struct {
	loadFlags
	shadowed
	worldFlags
	seedFlag
	detailFlags
	outputFlags
}

// Help shows examples.
func (runCommand) Help() string {
	return `The planning load on the pool as it is delivered, as JSON for a script:

    sim run --rate 5/m --session 30m --duration 8h --seed 1 --format json

A pool without a maximum, whose starts take 3 s on average, which has an exact answer to compare with:

    sim run --pool-min 3 --pool-max inf --start-time exp:3s

What a target that follows the demand would come to beside this pool, as a gateway with WARM_POOL_SHADOW=slo says:

    sim run --pool-min 8 --pool-max inf --shadow slo --shadow-min 1 --traffic diurnal

Monday at nine in an office, with the event log and the reason for every start that was not warm:

    sim run --traffic diurnal --from mon08:00 --duration 4h --rate 20/m --trace log.jsonl --cold cold.jsonl`
}

// detailFlags ask for what one run did, one line for each thing.
type detailFlags struct {
	Trace string `placeholder:"FILE" group:"Output" help:"Write the event log as JSON lines; - for standard output, in place of the result."`
	Cold  string `placeholder:"FILE" group:"Output" help:"Write, as JSON lines, every start that was not warm: why, what held it back, and what pool size would have made it warm; - for standard output, in place of the result."`
}

// Run is called by kong.
func (r *runCommand) Run(c *console) error {
	config, err := configure(r.Seed, r.loadFlags, r.shadowed, r.worldFlags)
	if err != nil {
		return err
	}
	return playOne(c, config, r.detailFlags, r.outputFlags)
}

// playOne plays one run and shows it.
func playOne(c *console, config run.Config, details detailFlags, output outputFlags) error {
	bar, done := c.progress("simulating")
	config.Progress = bar
	result, err := details.play(c, config)
	done()
	if err != nil || details.Trace == "-" {
		return err
	}
	if details.Cold == "-" {
		return nil
	}
	outcome := run.Merge([]run.Result{result})
	c.basis.About(&outcome.Config, outcome.SeedsUsed)
	return output.show(c, shown{
		text: func(w io.Writer) error { return report.Run(w, &result) },
		json: result, csv: report.Flat([]run.Outcome{outcome}), charts: report.RunCharts(&result), page: report.RunPage(&result),
	})
}

// play plays a run with the details that are wanted.
func (f detailFlags) play(c *console, config run.Config) (result run.Result, err error) {
	if f.Trace == "-" {
		config.Trace = c.out
	} else if f.Trace != "" {
		file, createErr := os.Create(f.Trace)
		if createErr != nil {
			return result, fmt.Errorf("--trace: %w", createErr)
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		config.Trace = file
	}
	if f.Cold != "" {
		cold := io.WriteCloser(unclosed{c.out})
		if f.Cold != "-" {
			file, createErr := os.Create(f.Cold)
			if createErr != nil {
				return result, fmt.Errorf("--cold: %w", createErr)
			}
			cold = file
		}
		buffered := bufio.NewWriter(cold)
		defer func() { err = errors.Join(err, buffered.Flush(), cold.Close()) }()
		lines := json.NewEncoder(buffered)
		// What cannot be written is what Flush reports in the end.
		config.Missed = func(m run.Miss) { _ = lines.Encode(m) }
	}
	return run.Run(config)
}

// unclosed is standard output, which goes on.
type unclosed struct{ io.Writer }

// Close does nothing.
func (unclosed) Close() error { return nil }

// replayCommand plays recorded arrivals.
type replayCommand struct {
	File string `arg:"" help:"CSV with a header and a row for each arrival, or JSON lines, plain or gzipped; - for standard input."`
	recordingFlags
	sessionFlags
	shadowed
	worldFlags
	seedFlag
	detailFlags
	outputFlags
}

// Help shows examples.
func (replayCommand) Help() string {
	return `Times may be RFC 3339, 2006-01-02 15:04:05.9999999, or numbers: since 1970 or since the beginning, of which --time-unit says
what they count where two readings are possible.

    sim replay azure_llm_code_2023.csv

What last week would have cost with a pool of five, with the sessions as long as they were:

    sim replay week.csv --session-column length_s --pool-min 5 --prices fargate

An hour of a large service, stretched to 30 hours of a small one, with longer sessions:

    sim replay azure_llm_code_2023.csv --time-scale 30 --session 45m --pool-min 6 --plot replay.png

Every tenth arrival, of a column with a name of its own that counts milliseconds:

    sim replay log.csv.gz --column opened_at --time-unit ms --every 10`
}

// Run is called by kong.
func (r *replayCommand) Run(c *console) error {
	config, err := configure(r.Seed, recordedLoad{r}, r.shadowed, r.worldFlags)
	if err != nil {
		return err
	}
	return playOne(c, config, r.detailFlags, r.outputFlags)
}

// recordedLoad is a replay's traffic.
type recordedLoad struct{ *replayCommand }

func (l recordedLoad) apply(c *run.Config) error {
	return l.sessionFlags.recorded(c, l.File, l.recordingFlags)
}
