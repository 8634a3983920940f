package efs

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsefs "github.com/aws/aws-sdk-go-v2/service/efs"
	"github.com/aws/aws-sdk-go-v2/service/efs/types"
)

// AccessPoint is one that this deployment has made.
type AccessPoint struct {
	ID string
	// Path is its root directory.
	Path string
	// Workspace is the name of the user's directory; see wire.WorkspaceName.
	Workspace string
	Created   time.Time
}

// List gives all access points of a file system that this deployment has made and that are not being deleted, for the
// janitor: a call for each 100 on the file system.
func (a *AccessPoints) List(ctx context.Context, fileSystem string) (all []AccessPoint, err error) {
	pages := awsefs.NewDescribeAccessPointsPaginator(a.cfg.Client, &awsefs.DescribeAccessPointsInput{FileSystemId: &fileSystem},
		func(o *awsefs.DescribeAccessPointsPaginatorOptions) { o.StopOnDuplicateToken = true })
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, p := range page.AccessPoints {
			if ours, ok := a.ours(p); ok {
				all = append(all, ours)
			}
		}
	}
	return all, nil
}

// ours reads an access point's tags, and reports false for one that this deployment has not made.
func (a *AccessPoints) ours(p types.AccessPointDescription) (AccessPoint, bool) {
	tags := map[string]string{}
	for _, t := range p.Tags {
		tags[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	created, err := time.Parse(time.RFC3339, tags[tagCreated])
	going := p.LifeCycleState == types.LifeCycleStateDeleting || p.LifeCycleState == types.LifeCycleStateDeleted
	if err != nil || going || tags[tagDeployment] != a.cfg.Deployment || tags[tagUser] == "" {
		return AccessPoint{}, false
	}
	ours := AccessPoint{ID: aws.ToString(p.AccessPointId), Workspace: tags[tagUser], Created: created}
	if p.RootDirectory != nil {
		ours.Path = aws.ToString(p.RootDirectory.Path)
	}
	return ours, true
}

// Delete deletes an access point; that there is none is as good. The directory and what is in it stay.
func (a *AccessPoints) Delete(ctx context.Context, id string) error {
	_, err := a.cfg.Client.DeleteAccessPoint(ctx, &awsefs.DeleteAccessPointInput{AccessPointId: &id})
	if _, gone := errors.AsType[*types.AccessPointNotFound](err); gone {
		return nil
	}
	return err
}
