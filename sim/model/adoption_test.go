package model

import (
	"testing"
	"time"

	"hearth/messages"
	"hearth/messages/wire"
)

// TestATaskComesBackAsItIsGivenUp: an adopted task does not dial within the grace and is given up, and in that very moment
// its bridge dials. Whatever its old actor is still about to do, the gateway takes the task over again.
func TestATaskComesBackAsItIsGivenUp(t *testing.T) {
	for seed := range uint64(40) {
		options := DefaultOptions()
		options.Seed = seed
		var m *Model
		var given wire.TaskID
		restarted := false
		options.Hooks.Event = func(e messages.Event) {
			if !restarted || e.Kind != messages.EventEvicted || given != "" {
				return
			}
			given = e.Task
			bridge := m.Cloud.Task(given).bridge
			bridge.wrongAddress = false
			m.front.send(m.front.pool, &messages.BridgeArrived{Link: m.network.lastID, Hello: bridge.hello()})
		}
		m = New(options)
		m.World.Advance(time.Minute)
		for _, task := range m.Cloud.Running() {
			task.bridge.wrongAddress = true
		}
		restarted = true
		m.Restart(time.Second)
		m.World.Advance(time.Minute)
		if given == "" {
			t.Fatal("no task was given up")
		}
		if err := m.Failure(); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if link := m.Cloud.Task(given).Link(); link == nil || !link.Healthy() {
			t.Errorf("seed %d: the task was not taken over again", seed)
		}
		m.Close()
	}
}
