package localecs

import (
	"cmp"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"
)

// newID is an id nobody can guess, of n hexadecimal digits (n even). Ids do not come from the seeded source: two runs with
// the same seed must not share task ids.
func newID(n int) string {
	raw := make([]byte, n/2)
	rand.Read(raw) // never fails: crypto/rand ends the program instead
	return hex.EncodeToString(raw)
}

func newEC2ID() string { return "i-" + newID(18)[:17] }

func newUUID() string {
	id := newID(32)
	return strings.Join([]string{id[:8], id[8:12], id[12:16], id[16:20], id[20:]}, "-")
}

// shortID is enough of a task's id for a person to tell tasks apart in a log.
func shortID(id string) string { return id[:min(8, len(id))] }

// arn names a resource of this endpoint's region and account.
func (s *Server) arn(kind, name string) string {
	return strings.Join([]string{"arn:aws:ecs", s.cfg.Region, s.cfg.Account, kind + "/" + name}, ":")
}

// arnName is what follows the kind in an ARN ("arn:aws:ecs:region:account:kind/name"); anything that is no ARN is a name
// already.
func arnName(kind, ref string) (string, *apiError) {
	if !strings.HasPrefix(ref, "arn:") {
		return ref, nil
	}
	parts := strings.SplitN(ref, ":", 6)
	if len(parts) == 6 && parts[2] == "ecs" {
		if name, ok := strings.CutPrefix(parts[5], kind+"/"); ok {
			return name, nil
		}
	}
	return "", invalidParameter("Invalid identifier: %s is not the ARN of a %s.", ref, kind)
}

// idPattern is an id as ECS gives it, today and before 2018.
var idPattern = regexp.MustCompile(`^([0-9a-f]{32}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$`)

// strictly checks ids and ARNs as ECS does: one that it does not like fails the whole call. It does so only when that is
// turned on.
func (s *Server) strictly(kind string, refs ...string) *apiError {
	if !s.faults.strict() {
		return nil
	}
	for _, ref := range refs {
		id := ref
		if strings.HasPrefix(ref, "arn:") {
			if !strings.HasPrefix(ref, s.arn(kind, "")) {
				return invalidParameter("Invalid identifier: %s is not a %s of this Region and account.", ref, kind)
			}
			id = ref[strings.LastIndex(ref, "/")+1:]
		}
		if !idPattern.MatchString(id) {
			return invalidParameter("%sId length should be one of [32,36]", strings.ReplaceAll(kind, "-i", "I"))
		}
	}
	return nil
}

// memberID is the id that ref names, an id or an ARN, of a thing that belongs to a cluster.
func memberID(kind, cluster, ref string) (string, *apiError) {
	name, err := arnName(kind, ref)
	if err != nil {
		return "", err
	}
	owner, id, found := strings.Cut(name, "/")
	if !found {
		return name, nil
	}
	if owner != cluster {
		return "", invalidParameter("Invalid identifier: Identifier is for cluster %s. Your cluster is %s", owner, cluster)
	}
	return id, nil
}

// listed is an entry of a List operation; the key gives the order, and stays put while other entries come and go.
type listed struct{ key, arn string }

const maxPage = 100

// page is one page of a list and the token of the next one, nil at the end. The token holds the last key given, so that
// a page starts right even when that entry is gone by then.
func page(entries []listed, descending bool, size *int, token string) (arns []string, next *string, fail *apiError) {
	limit := maxPage
	if size != nil {
		limit = *size
	}
	if limit < 1 || limit > maxPage {
		return nil, nil, invalidParameter("maxResults must be between 1 and %d.", maxPage)
	}
	order := func(a, b listed) int { return cmp.Compare(a.key, b.key) }
	if descending {
		order = func(a, b listed) int { return cmp.Compare(b.key, a.key) }
	}
	slices.SortFunc(entries, order)
	if token != "" {
		last, err := base64.URLEncoding.DecodeString(token)
		if err != nil {
			return nil, nil, invalidParameter("Invalid token")
		}
		at, found := slices.BinarySearchFunc(entries, listed{key: string(last)}, order)
		if found {
			at++
		}
		entries = entries[at:]
	}
	if len(entries) > limit {
		entries = entries[:limit]
		t := base64.URLEncoding.EncodeToString([]byte(entries[limit-1].key))
		next = &t
	}
	arns = make([]string, len(entries))
	for i, e := range entries {
		arns[i] = e.arn
	}
	return arns, next, nil
}
