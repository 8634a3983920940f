package isolation

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"time"

	"hearth/messages/wire"
)

// SameUser stands for the bridge's own user where an agent gets none of its own.
const SameUser = -1

// Those below are the system's, and the last is what the kernel takes for "leave it".
const (
	minUID = 1000
	maxUID = 1<<32 - 2
)

// Range is where users' UIDs are taken from. A user's GID is the same number.
type Range struct {
	First uint32
	// Count is at least 1.
	Count uint32
}

// ParseRange reads UID_RANGE: FIRST-LAST, both included.
func ParseRange(text string) (Range, error) {
	low, high, _ := strings.Cut(text, "-")
	first, errFirst := strconv.ParseUint(low, 10, 32)
	last, errLast := strconv.ParseUint(high, 10, 32)
	if errFirst != nil || errLast != nil || first < minUID || last > maxUID || first > last {
		return Range{}, fmt.Errorf("%q is not FIRST-LAST within %d to %d", text, minUID, maxUID)
	}
	return Range{First: uint32(first), Count: uint32(last - first + 1)}, nil
}

// String is the range as UID_RANGE has it.
func (r Range) String() string {
	return fmt.Sprintf("%d-%d", r.First, r.First+(r.Count-1))
}

// nth is the UID that is looked at n steps on from the user's own place in the range.
func (r Range) nth(user wire.UserID, n uint32) uint32 {
	sum := sha256.Sum256([]byte(user))
	start := binary.BigEndian.Uint64(sum[:]) % uint64(r.Count)
	return r.First + uint32((start+uint64(n))%uint64(r.Count))
}

// Records is where it is written down whose a UID is. Every bridge of a deployment sees the same records.
type Records interface {
	// Owner is whose uid is; ok is false while it is nobody's.
	Owner(uid uint32) (user wire.UserID, ok bool, err error)
	// Take writes down that uid is user's, unless it is somebody's already, which it reports with false. Of any number of
	// callers for one uid, at the same time and anywhere, exactly one is told true.
	Take(uid uint32, user wire.UserID) (bool, error)
}

// recheckPause is how long a record that was just written elsewhere, and is not seen here yet, is waited for: on NFS what was not
// there is remembered for a while.
const recheckPause = 10 * time.Millisecond

// Allocate is the user's UID: the one that the user has, or else the first free one, counted from the user's place in the range.
//
// Invariants: a record is never changed or removed, so no UID is ever two users'. Everything between a user's place and its
// UID is taken, so the search that found it once finds it always, and two searches for one user at the same time end at the
// same free UID, which one of them gets for both.
func Allocate(ctx context.Context, records Records, r Range, user wire.UserID) (int, error) {
	for n := range r.Count {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		uid := r.nth(user, n)
		for again := false; ; again = true {
			if again {
				time.Sleep(recheckPause)
			}
			owner, ok, err := records.Owner(uid)
			if err != nil {
				return 0, fmt.Errorf("read the record of uid %d: %w", uid, err)
			}
			if ok && owner == user {
				return int(uid), nil
			}
			if ok {
				break // another user's: on to the next
			}
			taken, err := records.Take(uid, user)
			if err != nil {
				return 0, fmt.Errorf("write the record of uid %d: %w", uid, err)
			}
			if taken {
				return int(uid), nil
			}
			// Taken meanwhile: by another user, or by another task of this one.
			if err := ctx.Err(); err != nil {
				return 0, err
			}
		}
	}
	return 0, fmt.Errorf("all %d uids of %s are other users': UID_RANGE is too small", r.Count, r)
}
