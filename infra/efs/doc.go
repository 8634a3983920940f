// Package efs gives each user an EFS access point of their own, for the deployment in which users do not share one
// (USE_SHARED_AP=false). An access point is found by making it again: its ClientToken follows from the file system and the
// directory alone, so that every gateway gets the same access point for the same user, however often it asks.
//
// # What an access point looks like
//
// Its root is the user's directory, /workspaces/{environment}/{user}, the same that the shared access point has below its
// own root: moving from one to the other moves no data. It has no POSIX user: EFS would replace every uid and gid by that
// one, and the bridge could give the workspace to nobody. The directory is made, at the first mount, as the owner's with
// mode 0700.
//
// # Limits
//
// A file system has at most 10,000 access points (1,000 in some Regions), and an access point's path 100 characters and 4
// levels. Both are errors of their own, ErrLimit and ErrPath.
//
// # Permissions
//
// elasticfilesystem:CreateAccessPoint, DescribeAccessPoints, TagResource, and for the janitor DeleteAccessPoint.
package efs
