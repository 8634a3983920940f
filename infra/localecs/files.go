package localecs

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// EFS's access points, in its own protocol: REST, with JSON bodies. File systems are not made: any well-formed id is one.
// Access points are kept and not acted on, as volumes are not.

const (
	filesPath = "/2015-02-01/access-points"
	// maxAccessPoints is EFS's quota for a file system.
	maxAccessPoints = 10_000
)

var (
	fileSystemPattern  = regexp.MustCompile(`^(arn:aws[-a-z]*:elasticfilesystem:[0-9a-z-:]+:file-system/)?fs-[0-9a-f]{8,40}$`)
	directoryPattern   = regexp.MustCompile("^(/|(/[^$#<>;`|&?{}^*/\n]+){1,4})$")
	permissionsPattern = regexp.MustCompile(`^[0-7]{3,4}$`)
)

// accessPoints are those of all file systems, by id.
type accessPoints map[string]*accessPoint

// accessPoint is one access point as the API shows it. Guarded by Server.mu.
type accessPoint struct {
	ClientToken    string
	Name           string `json:",omitempty"`
	Tags           []fileTag
	AccessPointID  string `json:"AccessPointId"`
	AccessPointArn string
	FileSystemID   string     `json:"FileSystemId"`
	PosixUser      *posixUser `json:",omitempty"`
	RootDirectory  directory
	OwnerID        string `json:"OwnerId"`
	LifeCycleState string

	madeAt time.Time
}

type fileTag struct{ Key, Value string }

type posixUser struct {
	UID           *int64  `json:"Uid"`
	GID           *int64  `json:"Gid"`
	SecondaryGids []int64 `json:",omitempty"`
}

type directory struct {
	Path         string
	CreationInfo *creationInfo `json:",omitempty"`
}

type creationInfo struct {
	OwnerUID    *int64 `json:"OwnerUid"`
	OwnerGID    *int64 `json:"OwnerGid"`
	Permissions string
}

// fileOperations are EFS's calls that this endpoint knows, for the faults.
var fileOperations = []string{"CreateAccessPoint", "DescribeAccessPoints", "DeleteAccessPoint"}

func (s *Server) routeFiles(mux *http.ServeMux) {
	route := func(pattern, name string, do func(r *http.Request, body []byte) (any, *apiError)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			s.perform(w, r, name, func(_ *Server, body []byte) (any, error) {
				out, err := do(r, body)
				if err != nil {
					return nil, err
				}
				return out, nil
			}, s.answerFiles)
		})
	}
	route("POST "+filesPath, fileOperations[0], func(_ *http.Request, body []byte) (any, *apiError) {
		return s.createAccessPoint(body)
	})
	route("GET "+filesPath, fileOperations[1], func(r *http.Request, _ []byte) (any, *apiError) {
		return s.describeAccessPoints(r)
	})
	route("DELETE "+filesPath+"/{id}", fileOperations[2], func(r *http.Request, _ []byte) (any, *apiError) {
		return nil, s.deleteAccessPoint(r.PathValue("id"))
	})
}

// answerFiles writes the outcome of a call of EFS, which names faults of all services its own way.
func (s *Server) answerFiles(w http.ResponseWriter, name string, out any, err error) {
	w.Header().Set("X-Amzn-Requestid", newUUID())
	failed := s.outcome(name, err)
	switch {
	case failed == nil && out == nil:
		w.WriteHeader(http.StatusNoContent)
		return
	case failed == nil:
		s.writeJSON(w, jsonType, http.StatusOK, out)
		return
	}
	status := failed.Status
	switch failed.Type {
	case "ThrottlingException":
		status = http.StatusTooManyRequests
	case "AccessDeniedException":
		status = http.StatusForbidden
	case "ServerException":
		failed.Type = "InternalServerError"
	}
	w.Header().Set("X-Amzn-Errortype", failed.Type)
	members := map[string]any{"ErrorCode": failed.Type, "Message": failed.Message}
	if len(failed.ResourceIDs) > 0 {
		members["AccessPointId"] = failed.ResourceIDs[0]
	}
	s.writeJSON(w, jsonType, status, members)
}

// fileFault is an error of EFS.
func fileFault(status int, kind, format string, args ...any) *apiError {
	err := fault(kind, format, args...)
	err.Status = status
	return err
}

func badRequest(format string, args ...any) *apiError {
	return fileFault(http.StatusBadRequest, "BadRequest", format, args...)
}

type createAccessPointIn struct {
	ClientToken   string
	FileSystemID  string `json:"FileSystemId"`
	PosixUser     *posixUser
	RootDirectory *directory
	Tags          []fileTag
}

func (in createAccessPointIn) validate() *apiError {
	root := in.RootDirectory
	switch {
	case in.ClientToken == "" || len(in.ClientToken) > 64:
		return badRequest("ClientToken must have 1 to 64 characters.")
	case !fileSystemPattern.MatchString(in.FileSystemID):
		return badRequest("invalid file system ID: %s", in.FileSystemID)
	case in.PosixUser != nil && (in.PosixUser.UID == nil || in.PosixUser.GID == nil || len(in.PosixUser.SecondaryGids) > 16):
		return badRequest("PosixUser needs Uid and Gid, and has at most 16 SecondaryGids.")
	case root != nil && (!directoryPattern.MatchString(root.Path) || len([]rune(root.Path)) > 100):
		return badRequest("RootDirectory.Path must have at most 100 characters and 4 levels: %s", root.Path)
	case root != nil && root.CreationInfo != nil && (root.CreationInfo.OwnerUID == nil || root.CreationInfo.OwnerGID == nil ||
		!permissionsPattern.MatchString(root.CreationInfo.Permissions)):
		return badRequest("CreationInfo needs OwnerUid, OwnerGid and Permissions in octal digits.")
	case len(in.Tags) > maxTags:
		return badRequest("There can be at most %d tags.", maxTags)
	}
	return nil
}

// createAccessPoint makes one, or says which one the ClientToken has made already: unlike ECS, EFS has an error for that.
func (s *Server) createAccessPoint(body []byte) (*accessPoint, *apiError) {
	var in createAccessPointIn
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, badRequest("%v", err)
	}
	if err := in.validate(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	fileSystem := in.FileSystemID[strings.LastIndex(in.FileSystemID, "/")+1:]
	n := 0
	for _, there := range s.files {
		if there.FileSystemID != fileSystem {
			continue
		}
		if there.ClientToken == in.ClientToken {
			err := fileFault(http.StatusConflict, "AccessPointAlreadyExists", "AccessPoint already exists.")
			err.ResourceIDs = []string{there.AccessPointID}
			return nil, err
		}
		n++
	}
	if limit := valueOr(s.faults.files().AccessPointLimit, maxAccessPoints); n >= limit {
		return nil, fileFault(http.StatusForbidden, "AccessPointLimitExceeded",
			"You have reached the maximum number of access points (%d) for this file system.", limit)
	}
	id := "fsap-" + newID(18)[:17]
	p := &accessPoint{
		ClientToken: in.ClientToken, Tags: append([]fileTag{}, in.Tags...), AccessPointID: id,
		AccessPointArn: "arn:aws:elasticfilesystem:" + s.cfg.Region + ":" + s.cfg.Account + ":access-point/" + id,
		FileSystemID:   fileSystem, PosixUser: in.PosixUser, RootDirectory: directory{Path: "/"},
		OwnerID: s.cfg.Account, madeAt: time.Now(),
	}
	if in.RootDirectory != nil {
		p.RootDirectory = *in.RootDirectory
	}
	for _, t := range in.Tags {
		if t.Key == "Name" {
			p.Name = t.Value
		}
	}
	s.files[id] = p
	return s.shown(p), nil
}

// shown is a copy as it is to be seen now. The caller holds s.mu.
func (s *Server) shown(p *accessPoint) *accessPoint {
	seen := *p
	seen.LifeCycleState = "available"
	if time.Since(p.madeAt) < time.Duration(s.faults.files().CreationDelay) {
		seen.LifeCycleState = "creating"
	}
	return &seen
}

type describeAccessPointsOut struct {
	AccessPoints []*accessPoint
	NextToken    *string `json:",omitempty"`
}

func (s *Server) describeAccessPoints(r *http.Request) (describeAccessPointsOut, *apiError) {
	query := r.URL.Query()
	out := describeAccessPointsOut{AccessPoints: []*accessPoint{}}
	id, fileSystem := query.Get("AccessPointId"), query.Get("FileSystemId")
	if id != "" && fileSystem != "" {
		return out, badRequest("Give either AccessPointId or FileSystemId.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if id != "" {
		p := s.files[id[strings.LastIndex(id, "/")+1:]]
		if p == nil {
			return out, noAccessPoint(id)
		}
		out.AccessPoints = append(out.AccessPoints, s.shown(p))
		return out, nil
	}
	var found []listed
	for _, p := range s.files {
		if fileSystem == "" || p.FileSystemID == fileSystem[strings.LastIndex(fileSystem, "/")+1:] {
			found = append(found, listed{p.AccessPointID, p.AccessPointID})
		}
	}
	size := maxPage
	if text := query.Get("MaxResults"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return out, badRequest("MaxResults must be at least 1.")
		}
		size = min(n, maxPage)
	}
	ids, next, err := page(found, false, &size, query.Get("NextToken"))
	if err != nil {
		return out, badRequest("Invalid NextToken.")
	}
	for _, id := range ids {
		out.AccessPoints = append(out.AccessPoints, s.shown(s.files[id]))
	}
	out.NextToken = next
	return out, nil
}

func (s *Server) deleteAccessPoint(id string) *apiError {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.files[id] == nil {
		return noAccessPoint(id)
	}
	delete(s.files, id)
	return nil
}

func noAccessPoint(id string) *apiError {
	return fileFault(http.StatusNotFound, "AccessPointNotFound", "Access Point %s does not exist.", id)
}
