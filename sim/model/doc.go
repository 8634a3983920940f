// Package model simulates everything around the gateway's actors: the cloud that runs tasks, the sockets, the bridges in
// the tasks with their agents, and the clients. It implements the ports of package actors in a sim/world World, so that
// the actors that run here are those that run in production, unchanged.
//
//	m := model.New(model.Options{Settings: actors.DefaultSettings(), ...})
//	m.Feed(arrivals)          // clients that come by themselves, or
//	c := m.Arrive(visit)      // one at a time
//	m.World.Advance(8 * time.Hour)
//	m.Log.Digest()
//
// Same options, same history, byte for byte. Each part draws from a random stream of its own, so that a change of one
// part's options leaves the others' luck as it was.
//
// What a part does by itself is drawn from its options; what a scenario wants to happen it makes happen, by a method:
// Container.Die, Link.Cut, Client.Drop, Cloud.Script. Nothing here reads the actors' state. What the actors do wrong at
// a port (a credit for bytes that they never got, a second init_user) is told to Hooks.Broken.
package model
