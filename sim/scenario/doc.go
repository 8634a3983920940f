// Package scenario plays stories of one gateway and writes down what happens: the golden traces in testdata.
//
// A story is text: comments, which tell it, and commands, each followed by "----" and the trace that it gives, up to an
// empty line:
//
//	# Three tasks are ready. The first client gets one at once.
//	arrive alice
//	----
//	    8.000  s1  session_begun  [3 ready]
//	    ...
//
// The trace holds the facts that the actors report (see messages.EventKind) and the frames that clients and bridges are
// told, with the virtual time in seconds. Tasks are t1, t2 and so on in the order of their appearance, sessions s1, s2.
//
// Nothing in a story is left to chance: actors run first come first served, and everything takes as long as it says. A
// change of behaviour is a change of these files, made by "go test ./sim/scenario -rewrite" and reviewed as a diff.
package scenario
