package isolation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"hearth/messages/wire"
)

// allocateVariable makes the test binary a process that allocates: its value is the records' directory, a range and users.
const allocateVariable = "HEARTH_TEST_ALLOCATE"

func TestMain(m *testing.M) {
	RunHelper()
	if what := os.Getenv(allocateVariable); what != "" {
		if err := allocateAsTold(strings.Split(what, "\n")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if what := os.Getenv(injectVariable); what != "" {
		var i injection
		err := json.Unmarshal([]byte(what), &i)
		if err == nil {
			err = i.start()
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	syscall.Umask(0o022) // other users run what is built here
	goleak.VerifyTestMain(m)
}

// memory keeps records in memory.
type memory struct {
	mu     sync.Mutex
	owners map[uint32]wire.UserID
	looks  int
}

func newMemory() *memory { return &memory{owners: map[uint32]wire.UserID{}} }

func (m *memory) Owner(uid uint32) (wire.UserID, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.looks++
	owner, ok := m.owners[uid]
	return owner, ok, nil
}

func (m *memory) Take(uid uint32, user wire.UserID) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, taken := m.owners[uid]; taken {
		return false, nil
	}
	m.owners[uid] = user
	return true, nil
}

// hundredThousand are user ids of every kind: plain, e-mail addresses, what differs only in case or a blank, paths that would
// lead out, and names that only look like the directory of another user.
func hundredThousand() []wire.UserID {
	var ids []wire.UserID
	for i := range 100_000 / 10 {
		n := strconv.Itoa(i)
		plain := "user-" + n
		for _, id := range []string{
			plain, strings.ToUpper(plain), plain + " ", plain + "@example.org", "../" + plain, "/" + plain, "." + plain,
			plain + "/..", "ü" + plain, wire.WorkspaceName(wire.UserID("../" + plain)),
		} {
			ids = append(ids, wire.UserID(id))
		}
	}
	return ids
}

// TestEveryUserHasADirectoryAndAUIDOfItsOwn maps 100,000 ids.
func TestEveryUserHasADirectoryAndAUIDOfItsOwn(t *testing.T) {
	users := hundredThousand()
	r, err := ParseRange("10000-209999")
	if err != nil {
		t.Fatal(err)
	}
	records := newMemory()
	directories, uids := map[string]wire.UserID{}, map[int]wire.UserID{}
	first := map[wire.UserID]int{}
	for _, user := range users {
		name := wire.WorkspaceName(user)
		if !filepath.IsLocal(name) || filepath.Base(name) != name || strings.HasPrefix(name, ".") || name == OwnName || len(name) > 255 {
			t.Fatalf("%q gets the directory %q", user, name)
		}
		if other, taken := directories[name]; taken {
			t.Fatalf("%q and %q get the directory %q", user, other, name)
		}
		uid, err := Allocate(t.Context(), records, r, user)
		if err != nil {
			t.Fatal(err)
		}
		if uid < 10000 || uid > 209999 {
			t.Fatalf("%q gets uid %d", user, uid)
		}
		if other, taken := uids[uid]; taken {
			t.Fatalf("%q and %q get uid %d", user, other, uid)
		}
		directories[name], uids[uid], first[user] = user, user, uid
	}
	if len(first) != 100_000 {
		t.Fatalf("only %d ids", len(first))
	}
	if perUser := float64(records.looks) / float64(len(users)); perUser > 4 {
		t.Errorf("%.1f records are looked at for each user", perUser)
	}
	before := maps.Clone(records.owners)
	for _, user := range users {
		if uid, err := Allocate(t.Context(), records, r, user); err != nil || uid != first[user] {
			t.Fatalf("%q had uid %d, and now %d, %v", user, first[user], uid, err)
		}
	}
	if !maps.Equal(before, records.owners) {
		t.Error("records changed although everybody had one")
	}
}

// TestFullRange fills a range to the last UID and then asks for one more.
func TestFullRange(t *testing.T) {
	r, err := ParseRange("10000-10999")
	if err != nil {
		t.Fatal(err)
	}
	records := newMemory()
	for i := range 1000 {
		if _, err := Allocate(t.Context(), records, r, wire.UserID(fmt.Sprintf("user-%d", i))); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Allocate(t.Context(), records, r, "one-too-many"); err == nil || !strings.Contains(err.Error(), "UID_RANGE") {
		t.Errorf("error %v", err)
	}
	if _, err := Allocate(t.Context(), records, r, "user-17"); err != nil {
		t.Errorf("a user that has one: %v", err)
	}
}

// TestAllocationHolds draws ranges, users and the order of their allocations.
func TestAllocationHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Range{First: uint32(rapid.IntRange(minUID, 1<<20).Draw(t, "first")), Count: uint32(rapid.IntRange(1, 12).Draw(t, "count"))}
		users := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z./ ~ü]{1,8}`), 1, 14, rapid.ID).Draw(t, "users")
		records, had := newMemory(), map[string]int{}
		for range 40 {
			user := rapid.SampledFrom(users).Draw(t, "user")
			uid, err := Allocate(context.Background(), records, r, wire.UserID(user))
			before, known := had[user]
			if err != nil {
				if known || len(had) < int(r.Count) {
					t.Fatalf("%q gets none: %v", user, err)
				}
				continue
			}
			if known && uid != before || uid < int(r.First) || uid >= int(r.First)+int(r.Count) {
				t.Fatalf("%q gets %d after %d from %s", user, uid, before, r)
			}
			had[user] = uid
			for other, its := range had {
				if other != user && its == uid {
					t.Fatalf("%q and %q get %d", user, other, uid)
				}
			}
		}
	})
}

// openTestRecords opens the records of a workspace root.
func openTestRecords(dir string) (*directory, func() error, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, nil, err
	}
	records, err := openRecords(root)
	if err != nil {
		return nil, nil, errors.Join(err, root.Close())
	}
	return records, func() error { return errors.Join(records.close(), root.Close()) }, nil
}

// allocateAsTold prints a user and its uid on each line.
func allocateAsTold(what []string) error {
	records, done, err := openTestRecords(what[0])
	if err != nil {
		return err
	}
	r, err := ParseRange(what[1])
	if err != nil {
		return err
	}
	for _, user := range what[2:] {
		uid, err := Allocate(context.Background(), records, r, wire.UserID(user))
		if err != nil {
			return err
		}
		fmt.Println(user, uid)
	}
	return done()
}

// TestAllocationsAtTheSameTime has goroutines and processes allocate for the same users, which collide as the range is small,
// over a real directory.
func TestAllocationsAtTheSameTime(t *testing.T) {
	dir := t.TempDir()
	const span = "10000-10063"
	r, err := ParseRange(span)
	if err != nil {
		t.Fatal(err)
	}
	var users []string
	for i := range 60 {
		users = append(users, fmt.Sprintf("user-%d", i))
	}
	var (
		mu  sync.Mutex
		got = map[string]string{}
		wg  sync.WaitGroup
	)
	note := func(user, uid string) {
		mu.Lock()
		defer mu.Unlock()
		if before, known := got[user]; known && before != uid {
			t.Errorf("%s gets %s and %s", user, before, uid)
		}
		got[user] = uid
	}
	for range 3 {
		wg.Go(func() {
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(os.Environ(), allocateVariable+"="+strings.Join(append([]string{dir, span}, users...), "\n"))
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("%v: %s", err, out)
			}
			for line := range strings.Lines(string(out)) {
				user, uid, _ := strings.Cut(strings.TrimSpace(line), " ")
				note(user, uid)
			}
		})
	}
	for range 8 {
		wg.Go(func() {
			records, done, err := openTestRecords(dir)
			if err != nil {
				t.Error(err)
				return
			}
			for _, user := range users {
				uid, err := Allocate(t.Context(), records, r, wire.UserID(user))
				if err != nil {
					t.Error(err)
					break
				}
				note(user, strconv.Itoa(uid))
			}
			if err := done(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	owners := map[string]string{}
	for user, uid := range got {
		if other, taken := owners[uid]; taken {
			t.Errorf("%s and %s get %s", user, other, uid)
		}
		owners[uid] = user
		content, err := os.ReadFile(filepath.Join(dir, recordsName, uid))
		if err != nil || string(content) != user {
			t.Errorf("the record of %s is %q, %v", uid, content, err)
		}
	}
	entries, err := os.ReadDir(filepath.Join(dir, recordsName))
	if err != nil || len(entries) != len(users) {
		t.Errorf("%d records of %d users, %v", len(entries), len(users), err)
	}
}

// TestRecordsMustBeTheBridges refuses records that somebody else can have written.
func TestRecordsMustBeTheBridges(t *testing.T) {
	for what, plant := range map[string]func(dir string) error{
		"a symlink": func(dir string) error { return os.Symlink("alice", filepath.Join(dir, OwnName)) },
		"a file":    func(dir string) error { return os.WriteFile(filepath.Join(dir, OwnName), nil, 0o600) },
		"open to write": func(dir string) error {
			return errors.Join(os.Mkdir(filepath.Join(dir, OwnName), 0o777), os.Chmod(filepath.Join(dir, OwnName), 0o777))
		},
	} {
		dir := t.TempDir()
		if err := errors.Join(os.Mkdir(filepath.Join(dir, "alice"), 0o700), plant(dir)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := openTestRecords(dir); err == nil {
			t.Errorf("%s is taken for the records", what)
		}
	}
}
