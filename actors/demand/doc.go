// Package demand learns how many sessions begin while a task starts, and says how many tasks it takes for enough of them to find
// one ready. Gateway and simulator share it, so that the policy that is tried is the one that runs.
//
// By Palm's theorem the starts under way in a pool that replaces each task as it is taken are as many as the sessions that began
// during one start, whatever the start times' distribution; a session finds a task ready if fewer than the pool's target are. So
// what has to be known is the rate of sessions, how they clump within the time of a start, and the mean of that time.
//
// The rate is tracked by several filters at once, which differ in how fast they forget and in whether they take the rate for
// steady, for growing, or for a multiple of what the hour of the week used to have. Each is combined with several degrees of
// clumping. How likely each made what has come since decides how much it has to say (Bayesian model averaging): steady traffic
// with a known week is told by its week, bursts by what has just come. Each says a negative binomial distribution, whose width
// holds what it does not know of the rate.
//
// Everything here is a function of what it was told, with times as arguments. A Learner is a value: it is copied by assignment,
// takes some 10 KiB, and nothing in it grows.
package demand
