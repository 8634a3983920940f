package world

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
)

// Stream begins a sequence of random numbers that is the world's seed's and the name's alone: what other streams are
// asked for does not change it. Every call with the same name begins the same sequence anew.
func (w *World) Stream(name string) *rand.Rand {
	key := binary.BigEndian.AppendUint64(nil, w.seed)
	return rand.New(rand.NewChaCha8(sha256.Sum256(append(key, name...))))
}
