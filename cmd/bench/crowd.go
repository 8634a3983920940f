package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"strconv"
)

// The gateways of the simulated crowds, and in how many seconds an account serves them all whose rate was raised for that.
const (
	crowdGateways = 10
	crowdSeconds  = 25
)

// crowd has simulated users come at once to simulated gateways that share an account: as delivered; with as many starts as the
// account allows; with a task ready for each; and on an account to which AWS has granted a rate that serves all in 25 s.
func (b *bench) crowd(ctx context.Context) error {
	for _, users := range b.size.crowds {
		raised := max(crowdGateways, users/crowdSeconds)
		each := strconv.Itoa(raised / crowdGateways)
		for _, of := range []struct {
			name      string
			arguments []string
		}{
			{"as delivered", nil},
			{"all of the account's 40 starts a second", []string{"--launch-concurrency=20", "--modify-rate=4"}},
			{"a task ready for each", []string{"--ready=" + strconv.Itoa(users), "--launch-concurrency=20", "--modify-rate=4"}},
			{fmt.Sprintf("an account with %s starts a second", thousands(int64(raised))), []string{
				"--account-rate=" + strconv.Itoa(raised), "--modify-rate=" + each, "--launch-concurrency=" + strconv.Itoa(raised),
			}},
		} {
			size := fmt.Sprintf("%s users, %d gateways: %s", thousands(int64(users)), crowdGateways, of.name)
			if err := b.crowded(ctx, size, users, of.arguments); err != nil {
				return err
			}
		}
	}
	return nil
}

// crowded plays one, and adds what came of it.
func (b *bench) crowded(ctx context.Context, size string, users int, arguments []string) error {
	arguments = append([]string{"crowd", "--format=json", "--sessions=" + strconv.Itoa(users), "--gateways=" + strconv.Itoa(crowdGateways)}, arguments...)
	output, err := exec.CommandContext(ctx, b.kit.Program("sim"), arguments...).Output()
	if err != nil {
		return fmt.Errorf("sim %v: %w", arguments, err)
	}
	var result struct {
		All      float64 `json:"allServedSeconds"`
		P50      float64 `json:"p50Seconds"`
		P99      float64 `json:"p99Seconds"`
		InTime   float64 `json:"servedWithinStartTimeout"`
		Bound    string  `json:"bound"`
		Cost     float64 `json:"cost"`
		Standing float64 `json:"costOfAnHourOfReady"`
	}
	if err := json.Unmarshal(output, &result); err != nil {
		return err
	}
	subject := "bound by " + result.Bound
	b.Add(size, subject, "until all are served", "s", result.All)
	b.Add(size, subject, medianTime, "s", result.P50)
	b.Add(size, subject, p99Time, "s", result.P99)
	b.Add(size, subject, "within the start timeout", "%", 100*result.InTime)
	b.Add(size, subject, "cost until then", "$", result.Cost)
	b.Add(size, subject, "an hour of the tasks that stand ready", "$", result.Standing)
	b.say("  %s: all are served after %s s, %s", size, number(result.All), subject)
	return nil
}
