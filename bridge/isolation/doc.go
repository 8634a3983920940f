// Package isolation keeps users' agents apart from one another and from the bridges that run them.
//
// [Resolve] finds out, once and before the bridge dials, which of the levels asked for this container allows; the [Plan] that
// it returns is then applied to each agent. The bridge itself is never restricted: it starts a helper, which is the bridge's
// own program once more under another name ([RunHelper]), and the helper does to itself what the plan says and becomes the
// agent. Each thing that it does is a [step]; a step that fails ends the start with an error that names it, which comes back
// to the bridge over a pipe.
//
// The same helper is the probe: a plan is rehearsed with a made-up user before it is used. So a level that a container does
// not allow, for whatever reason, is found at the start and not when a user waits.
//
// An agent may run before its user is known, on a [Stage]. There the bridge does what the helper no longer can.
package isolation
