// Package house holds the tests of the house rules: which way imports point, what an actor may use of what there is, and
// how large a file and a function may be. It has no code. What an actor may do is decided by types, and tried on a package
// in testdata that does what it must not.
package house
