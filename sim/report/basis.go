package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"hearth/sim/run"
)

// Basis is what a result is of and what it was made by. Whoever has it can make the result again.
type Basis struct {
	// Command repeats the result; Version is the simulator's.
	Command string `json:"command"`
	Version string `json:"version"`
	// Traffic is what was played, in a line; Seeds are the runs'.
	Traffic string   `json:"traffic,omitempty"`
	Seeds   []uint64 `json:"seeds,omitempty"`
	// Limits and Prices are those that all of the result has in common, in a line each.
	Limits string `json:"limits,omitempty"`
	Prices string `json:"prices,omitempty"`
}

// About takes in what was played, and with which seeds.
func (b *Basis) About(config *run.Echo, seeds []uint64) {
	b.Traffic, b.Seeds = config.Traffic.String(), seeds
	launches := "no launch limit"
	if config.LaunchConcurrency != nil {
		launches = fmt.Sprintf("%d starts at once", *config.LaunchConcurrency)
	}
	b.Limits = fmt.Sprintf("start time %s, %s, sessions %s", config.StartTime, launches, config.Session)
	if config.Hosts != nil {
		b.Limits += fmt.Sprintf(", %d to %d hosts", *config.Hosts, *config.HostsMax)
	}
	p := config.Prices
	b.Prices = fmt.Sprintf("prices %s", p.Name)
	if p.Date != "" {
		b.Prices += " of " + p.Date
	}
	b.Prices += fmt.Sprintf(": $%g a host-hour, $%g a task-hour", p.HostHour, p.TaskHour)
}

// Lines is the basis for the foot of a picture or a page.
func (b *Basis) Lines() []string {
	made := b.Command + "; hearth " + b.Version
	if b.Traffic == "" {
		return []string{made}
	}
	return []string{made, fmt.Sprintf("%s; %s; %s; %s", b.Traffic, b.Limits, b.Prices, b.seeds())}
}

func (b *Basis) seeds() string {
	switch n := len(b.Seeds); n {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf("seed %d", b.Seeds[0])
	default:
		return fmt.Sprintf("seeds %d to %d", b.Seeds[0], b.Seeds[n-1])
	}
}

// Indented writes a value as JSON for people.
func Indented(w io.Writer, value any) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	_, err = w.Write(append(text, '\n'))
	return err
}

// JSON writes a value, which must be an object, with its basis as the first key: indented, with a newline at the end.
func JSON(w io.Writer, basis Basis, value any) error {
	head, err := json.Marshal(basis)
	if err != nil {
		return err
	}
	rest, err := json.Marshal(value)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	joined := append(append([]byte(`{"basis":`), head...), ',')
	if err := json.Indent(&text, append(joined, rest[1:]...), "", "  "); err != nil {
		return err
	}
	text.WriteByte('\n')
	_, err = w.Write(text.Bytes())
	return err
}
