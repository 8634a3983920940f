package efs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsefs "github.com/aws/aws-sdk-go-v2/service/efs"
	"github.com/aws/aws-sdk-go-v2/service/efs/types"

	"hearth/messages/wire"
)

// Client is the part of the SDK's *efs.Client that this package calls.
type Client interface {
	CreateAccessPoint(context.Context, *awsefs.CreateAccessPointInput, ...func(*awsefs.Options)) (*awsefs.CreateAccessPointOutput, error)
	DescribeAccessPoints(context.Context, *awsefs.DescribeAccessPointsInput, ...func(*awsefs.Options)) (
		*awsefs.DescribeAccessPointsOutput, error)
	DeleteAccessPoint(context.Context, *awsefs.DeleteAccessPointInput, ...func(*awsefs.Options)) (*awsefs.DeleteAccessPointOutput, error)
}

var (
	// ErrLimit is that the file system can have no more access points.
	ErrLimit = errors.New("the file system has as many access points as EFS allows; " +
		"`gateway janitor` deletes those that nobody needs, and the quota can be raised")
	// ErrPath is that EFS would not take a user's directory for an access point.
	ErrPath = errors.New("EFS takes paths of at most 100 characters and 4 levels")
)

// Tags of an access point. The janitor deletes none that has not all three.
const (
	tagDeployment = "hearth:deployment"
	tagUser       = "hearth:workspace"
	tagCreated    = "hearth:created"
	tagName       = "Name" // what AWS's console shows
)

const (
	ownerMode = "0700"
	// pollInterval is between two looks at an access point that is being made or deleted.
	pollInterval = 250 * time.Millisecond
	// maxCached bounds the cache, well above what a file system can have. A full one is emptied: it fills again, a call a user.
	maxCached = 1 << 15

	maxPath, maxLevels = 100, 4
)

// Config says where access points are and whose. Everything is required.
type Config struct {
	Client Client
	// Root is the directory on the file system that has the users' directories, such as /workspaces/prod.
	Root string
	// Deployment marks this deployment's access points.
	Deployment string
}

// AccessPoints finds and makes users' access points. Its methods may be called from any goroutine.
type AccessPoints struct {
	cfg Config

	mu     sync.Mutex
	cached map[key]string // access point ids
}

type key struct{ fileSystem, workspace string }

// Owner is the uid and gid that a directory gets which EFS makes at an access point's first mount: the bridge's.
type Owner struct{ UID, GID int64 }

// rootPattern is what EFS takes for a path, without its bounds.
var rootPattern = regexp.MustCompile("^(/[^$#<>;`|&?{}^*/\n]+){1,3}$")

// CheckRoot reports what is wrong with a Config.Root.
func CheckRoot(root string) error {
	if !rootPattern.MatchString(root) || path.Clean(root) != root || len(root) > maxPath-len("/u") {
		return fmt.Errorf("%q is not a directory of 1 to 3 levels, such as /workspaces/prod, that EFS takes", root)
	}
	return nil
}

// New makes the users' access points. The Config is taken as it is.
func New(cfg Config) *AccessPoints { return &AccessPoints{cfg: cfg, cached: map[key]string{}} }

// Ensure gives the id of a user's access point, which is then available. The first call for a user takes EFS up to some
// seconds, and ends with ctx. Errors are EFS's, or wrap ErrLimit or ErrPath.
func (a *AccessPoints) Ensure(ctx context.Context, fileSystem string, user wire.UserID, owner Owner) (string, error) {
	at := key{fileSystem, wire.WorkspaceName(user)}
	if id := a.lookUp(at); id != "" {
		return id, nil
	}
	directory := path.Join(a.cfg.Root, at.workspace)
	if utf8.RuneCountInString(directory) > maxPath || strings.Count(directory, "/") > maxLevels {
		return "", fmt.Errorf("the workspace's directory has %d characters: %w", utf8.RuneCountInString(directory), ErrPath)
	}
	for {
		id, err := a.make(ctx, at, directory, owner)
		if err != nil {
			return "", err
		}
		usable, err := a.await(ctx, id)
		if err != nil {
			return "", err
		}
		if usable {
			a.remember(at, id)
			return id, nil
		}
		// It was being deleted. Its token makes a new one once it has gone.
		if err := sleep(ctx); err != nil {
			return "", err
		}
	}
}

// Forget makes the next Ensure for a user ask EFS again.
func (a *AccessPoints) Forget(fileSystem string, user wire.UserID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.cached, key{fileSystem, wire.WorkspaceName(user)})
}

func (a *AccessPoints) lookUp(at key) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.cached[at]
}

func (a *AccessPoints) remember(at key, id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.cached) >= maxCached {
		clear(a.cached)
	}
	a.cached[at] = id
}

// token is the ClientToken of a directory's access point: 64 characters, the most that EFS takes.
func token(fileSystem, directory string) string {
	sum := sha256.Sum256([]byte(fileSystem + "\x00" + directory))
	return hex.EncodeToString(sum[:])
}

// make asks for an access point and gives the id of the new one, or of the one that is there.
func (a *AccessPoints) make(ctx context.Context, at key, directory string, owner Owner) (string, error) {
	out, err := a.cfg.Client.CreateAccessPoint(ctx, &awsefs.CreateAccessPointInput{
		ClientToken:  aws.String(token(at.fileSystem, directory)),
		FileSystemId: &at.fileSystem,
		RootDirectory: &types.RootDirectory{Path: &directory, CreationInfo: &types.CreationInfo{
			OwnerUid: &owner.UID, OwnerGid: &owner.GID, Permissions: aws.String(ownerMode)}},
		Tags: []types.Tag{
			tag(tagName, "hearth "+at.workspace), tag(tagDeployment, a.cfg.Deployment), tag(tagUser, at.workspace),
			tag(tagCreated, time.Now().UTC().Format(time.RFC3339)),
		},
	})
	if there, ok := errors.AsType[*types.AccessPointAlreadyExists](err); ok && aws.ToString(there.AccessPointId) != "" {
		return *there.AccessPointId, nil
	}
	if _, ok := errors.AsType[*types.AccessPointLimitExceeded](err); ok {
		return "", fmt.Errorf("%w (%w)", ErrLimit, err)
	}
	if err != nil {
		return "", err
	}
	return aws.ToString(out.AccessPointId), nil
}

func tag(name, value string) types.Tag { return types.Tag{Key: &name, Value: &value} }

// await waits until an access point is available. It reports false for one that is going, or gone.
func (a *AccessPoints) await(ctx context.Context, id string) (bool, error) {
	for {
		out, err := a.cfg.Client.DescribeAccessPoints(ctx, &awsefs.DescribeAccessPointsInput{AccessPointId: &id})
		if _, gone := errors.AsType[*types.AccessPointNotFound](err); gone || err == nil && len(out.AccessPoints) == 0 {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		switch state := out.AccessPoints[0].LifeCycleState; state {
		case types.LifeCycleStateAvailable, types.LifeCycleStateUpdating:
			return true, nil
		case types.LifeCycleStateDeleting, types.LifeCycleStateDeleted:
			return false, nil
		case types.LifeCycleStateError:
			return false, fmt.Errorf("access point %s is in state %s; delete it", id, state)
		}
		if err := sleep(ctx); err != nil {
			return false, err
		}
	}
}

// sleep waits between two looks.
func sleep(ctx context.Context) error {
	timer := time.NewTimer(pollInterval)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("the access point is not available yet: %w", ctx.Err())
	}
}

// Check tries what can be tried without making anything: that the file system is there, and that its access points may be
// looked at.
func (a *AccessPoints) Check(ctx context.Context, fileSystem string) error {
	_, err := a.cfg.Client.DescribeAccessPoints(ctx, &awsefs.DescribeAccessPointsInput{
		FileSystemId: &fileSystem, MaxResults: aws.Int32(1)})
	return err
}
