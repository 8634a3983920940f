package wire

// Limits is the first that a bridge hears after its hello: MaxFrameBytes is the largest payload that the gateway takes. Both hold
// to the smaller of their two limits.
type Limits struct {
	MaxFrameBytes int `json:"maxFrameBytes"`
	// LeaseMs is for how long the bridge's agent may run without a gateway, OrphanMs for how long the task may then be without
	// one; 0 where the gateway does not say. A gateway that says LeaseMs lets agents start with Proceed.
	LeaseMs  int64 `json:"leaseMs,omitzero"`
	OrphanMs int64 `json:"orphanMs,omitzero"`
}

// Proceed answers Accepted: the agent may start. Until then nothing of the user's runs, so that a gateway that has not heard
// Accepted in time can give the user another task at once.
type Proceed struct{}

// The wire's names.
func (Limits) FrameType() string  { return "limits" }
func (Proceed) FrameType() string { return "proceed" }
