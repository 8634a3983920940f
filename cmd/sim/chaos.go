package main

import (
	"fmt"
	"runtime"
	"slices"
	"sync"

	"hearth/sim/chaos"
	"hearth/sim/report"
)

// stormFlags say how storms are played.
type stormFlags struct {
	Steps int `placeholder:"N" help:"How many things happen in each storm; without it, its seed decides."`
}

func (f stormFlags) check() error {
	const most = 1_000_000
	if f.Steps < 0 || f.Steps > most {
		return fmt.Errorf("--steps %d must be from 0 to %d", f.Steps, most)
	}
	return nil
}

// chaosCommand plays storms.
type chaosCommand struct {
	Seeds int    `default:"1000" help:"How many storms."`
	Seed  uint64 `default:"1" help:"The first storm's seed; the others follow."`
	stormFlags
	Format string `default:"table" enum:"table,json" help:"table or json."`
}

// Help shows examples.
func (chaosCommand) Help() string {
	return `It exits with 1 when a promise was broken, and says which seed shows it again:

    sim chaos --seeds 10000
    sim explain --seed 4711`
}

// shownStorms bounds the failed storms that are told of.
const shownStorms = 20

// storms is what came of all of them.
type storms struct {
	Seeds  int            `json:"seeds"`
	First  uint64         `json:"firstSeed"`
	Failed int            `json:"failed"`
	Broken []chaos.Result `json:"broken"`
	// Clients, Tasks and Events count what there was in all.
	Clients int `json:"clients"`
	Tasks   int `json:"tasks"`
	Events  int `json:"events"`
}

// Run is called by kong.
func (r *chaosCommand) Run(c *console) error {
	const most = 100_000_000
	if r.Seeds < 1 || r.Seeds > most {
		return fmt.Errorf("--seeds %d must be from 1 to %d", r.Seeds, most)
	}
	if err := r.check(); err != nil {
		return err
	}
	bar, done := c.progress("storms")
	all := r.play(bar)
	done()
	for i, failed := range all.Broken {
		all.Broken[i] = chaos.Shorten(failed, chaos.Options{})
	}
	var err error
	if r.Format == "json" {
		err = report.JSON(c.out, c.basis, all)
	} else {
		for i := range all.Broken {
			fmt.Fprintln(c.out, all.Broken[i].String())
		}
		_, err = fmt.Fprintf(c.out, "%d storms from seed %d on, %d broke a promise; %d clients, %d tasks, %d facts\n",
			all.Seeds, all.First, all.Failed, all.Clients, all.Tasks, all.Events)
	}
	if err == nil && all.Failed > 0 {
		err = errFailed
	}
	return err
}

// play plays the storms on all cores.
func (r *chaosCommand) play(progress func(float64)) storms {
	all := storms{Seeds: r.Seeds, First: r.Seed, Broken: []chaos.Result{}}
	var mu sync.Mutex
	var workers sync.WaitGroup
	next, ended := uint64(0), 0
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for {
				mu.Lock()
				offset := next
				next++
				mu.Unlock()
				if offset >= uint64(r.Seeds) {
					return
				}
				result := chaos.Run(r.Seed+offset, chaos.Options{Steps: r.Steps})
				mu.Lock()
				all.add(&result)
				ended++
				if progress != nil {
					progress(float64(ended) / float64(r.Seeds))
				}
				mu.Unlock()
			}
		})
	}
	workers.Wait()
	return all
}

// add takes in one storm. Those that broke something are kept in the order of their seeds, up to a bound.
func (s *storms) add(result *chaos.Result) {
	s.Clients += result.Clients
	s.Tasks += result.Tasks
	s.Events += result.Events
	if result.Clean() {
		return
	}
	s.Failed++
	s.Broken = append(s.Broken, *result)
	slices.SortFunc(s.Broken, func(a, b chaos.Result) int {
		if a.Seed < b.Seed {
			return -1
		}
		return 1
	})
	s.Broken = s.Broken[:min(len(s.Broken), shownStorms)]
}

// explainCommand tells one storm's story.
type explainCommand struct {
	Seed uint64 `required:"" help:"The storm's seed."`
	stormFlags
}

// Help shows an example.
func (explainCommand) Help() string {
	return `What happened, line by line, and which promise it broke if it did:

    sim explain --seed 4711`
}

// Run is called by kong.
func (r *explainCommand) Run(c *console) error {
	if err := r.check(); err != nil {
		return err
	}
	story, result := chaos.Explain(r.Seed, chaos.Options{Steps: r.Steps})
	if _, err := fmt.Fprintf(c.out, "%s\n%s\n", story, result.String()); err != nil {
		return err
	}
	if !result.Clean() {
		return errFailed
	}
	return nil
}
