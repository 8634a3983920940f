// Package rig has what every measurement needs: programs and processes, the processor time and the memory that they take,
// and the figures that come of it.
package rig
