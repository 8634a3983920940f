// Package house holds the tests of the house rules: which way imports point, what an actor may use, and how large a file
// and a function may be. It has no code.
package house
