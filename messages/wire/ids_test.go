package wire

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// checkWorkspaceName holds a directory's name to what keeps users apart: it is one local element of a path, not a hidden
// one, of which none of the root's own can be; it fits every file system; a safe id's is the id itself, so that no other
// id, whose name begins with "~", can have it.
func checkWorkspaceName(t *testing.T, user UserID) string {
	t.Helper()
	name := WorkspaceName(user)
	switch {
	case !filepath.IsLocal(name), filepath.Base(name) != name, filepath.Clean(name) != name:
		t.Fatalf("%q becomes %q, which is no element of a path", user, name)
	case strings.ContainsAny(name, "/\\\x00:"), strings.HasPrefix(name, "."), strings.HasPrefix(name, "-"):
		t.Fatalf("%q becomes %q", user, name)
	case len(name) > 255:
		t.Fatalf("%q becomes a name of %d bytes", user, len(name))
	case ValidID(string(user)) != (name == string(user)), ValidID(string(user)) == strings.HasPrefix(name, "~"):
		t.Fatalf("%q becomes %q", user, name)
	}
	return name
}

// hostileIDs are ids that would be somebody else's directory, or none, if they were taken as they are.
var hostileIDs = []string{
	".", "..", "...", "../bob", "bob/..", "./bob", "bob/", "/bob", "bob//", "bob\x00", "\x00bob", "~", "~bob", "-rf", "--",
	".hearth", ".optima", ".snapshot", "lost+found", "bob ", " bob", "bob\t", "bob\n", "bob\r", "b\u00f6b", "bo\u0308b",
	"\u202ebob", "bob\u200b", "bob\ufeff", "b\u043eb", "\uff0e\uff0e", "\u2024\u2024", "bob\u2215x", "BOB", "Bob", "bob.", "bob..",
	"CON", "con", "NUL", "aux.txt", "bob:stream", "bob\\..", "%2e%2e", "%2e%2e%2fbob", "$HOME", "*", "?", "\"bob\"", "'bob'", "`id`",
	"auth0|5f7c8ec7c33c6c004bbafe82", "google-oauth2|1", "ann@example.com", "arn:aws:iam::1:user/ann", "CN=Ann, O=Example",
	strings.Repeat("a", 128), strings.Repeat("a", 129), strings.Repeat("a", 256), strings.Repeat("\u00f6", 128), "\xff\xfe", "a\xc0\xafb",
}

// TestWorkspaceNamesOfManyUsers is over 100,000 ids, drawn from a seed: those that identity providers make, close
// relatives of each other, and hostile ones, each also with a relative's name for an id. No two share a directory.
//
// Ids that differ in case alone are different users, and have different directories: file systems of Linux, EFS among
// them, tell case apart, and an id that is safe must keep the directory that it had before Hearth.
func TestTraceparent(t *testing.T) {
	const good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	if !Traceparent(good).Valid() {
		t.Errorf("%s is not taken", good)
	}
	for _, bad := range []Traceparent{
		"", "00", good + "-", Traceparent(good[:len(good)-1]), Traceparent("01" + good[2:]), "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
		"00-00000000000000000000000000000000-b7ad6b7169203331-01", "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
		"00-0af7651916cd43dd8448eb211c8031\n\n-b7ad6b7169203331-01",
	} {
		if bad.Valid() {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestWorkspaceNamesOfManyUsers(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	alphabet := []rune("abzABZ019._-~/\\ |@:+%\x00\u00f6o\u0308\u202e\uff0e\n")
	seen := make(map[string]UserID, 400_000)
	add := func(user UserID) {
		name := checkWorkspaceName(t, user)
		if other, taken := seen[name]; taken && other != user {
			t.Fatalf("%q and %q share %q", user, other, name)
		}
		seen[name] = user
		if name != WorkspaceName(user) {
			t.Fatalf("the name of %q changes", user)
		}
	}
	for _, id := range hostileIDs {
		add(UserID(id))
		add(UserID(WorkspaceName(UserID(id))))
	}
	for len(seen) < 100_000 {
		id := make([]rune, 1+random.IntN(40))
		for i := range id {
			id[i] = alphabet[random.IntN(len(alphabet))]
		}
		text := string(id)
		for _, relative := range []string{
			text, strings.ToUpper(text), strings.ToLower(text), text + "/", "./" + text, text + "/..", strings.TrimSpace(text), "~" + text,
			fmt.Sprintf("auth0|%x", random.Uint64()), fmt.Sprintf("%08x-%04x", random.Uint32(), random.IntN(1<<16)),
		} {
			add(UserID(relative))
			add(UserID(WorkspaceName(UserID(relative))))
		}
	}
}

// TestWorkspaceNamesStay: what a user's directory is called must never change, or files would be lost.
func TestWorkspaceNamesStay(t *testing.T) {
	for user, want := range map[UserID]string{
		"ann":                            "ann",
		"Ann":                            "Ann",
		"a.b-c_d1":                       "a.b-c_d1",
		"..":                             "~5ec1f7e700f37c3d0b2981d04855fc34b94aaa15457b05ca571817442d228f81",
		"ann@example.com":                "~71d4f55f72fa128dfb468a1a3901507c804b74316488744d769d7f4b16696476",
		"auth0|5f7c8ec7c33c6c004bbafe82": "~41aa487887e3c45c19b2448b2f036552f00b2c78e23946d390a7e846f6ad58e1",
		"\u00f6":                         "~6dbd11fd012e225b28a5d94a9b432bc491344f3e92158661be2ae5ae2b8b1ad8",
		"o\u0308":                        "~340071b0920a7eef295e319fed1a9ed4df3acad2d4efdeb2076cef350dff8dcd",
		"~ann":                           "~9a9944c7fd0cb2405dee845401ff8aabc20121a8d27d75762a66b71d18b4343f",
	} {
		if got := WorkspaceName(user); got != want {
			t.Errorf("%q: %q, was %q", user, got, want)
		}
	}
}

// FuzzIDs takes any text for an id and for a user id.
func FuzzIDs(f *testing.F) {
	for _, id := range hostileIDs {
		f.Add(id, "ann")
		f.Add("ann", id)
	}
	f.Fuzz(func(t *testing.T, one, two string) {
		for _, id := range []string{one, two} {
			if ValidID(id) && (!ValidUserID(id) || !filepath.IsLocal(id) || len(id) > maxIDLength) {
				t.Errorf("%q is an id, and not a safe one", id)
			}
			if ValidUserID(id) && (!utf8.ValidString(id) || len(id) > maxUserIDLength || strings.ContainsAny(id, "\x00\n\r\x1b\u2028")) {
				t.Errorf("%q is a user id, and not a safe one", id)
			}
			checkWorkspaceName(t, UserID(id))
		}
		if one != two && WorkspaceName(UserID(one)) == WorkspaceName(UserID(two)) {
			t.Errorf("%q and %q share a directory", one, two)
		}
	})
}

func TestKilledAgents(t *testing.T) {
	for code, killed := range map[int]bool{
		0: false, 1: false, 127: false, 128: false, 129: false, 130: false, 134: true, 137: true, 139: true, 141: false, 143: false, 159: true,
		160: false, 255: false, -1: false,
	} {
		if got := (Exit{Code: code}).IsKilled(); got != killed {
			t.Errorf("exit %d: killed %v", code, got)
		}
	}
}
