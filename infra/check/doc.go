// Package check has only tests. They hold what deploys the programs, infra/terraform, infra/packer and infra/docker, to the
// programs themselves: that it is valid, that it says what it should, that every setting in it is one of the programs', and
// that the roles may do what the gateway calls and nothing else.
package check
