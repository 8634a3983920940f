package ecs

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"hearth/infra/efs"
	"hearth/messages"
)

// known is an error whose kind is known to whoever makes it.
type known struct {
	kind messages.LaunchErrorKind
	text string
}

func (e *known) Error() string { return e.text }

// errBadAnswer is an answer of ECS that makes no sense. The call may have been carried out.
var errBadAnswer = &known{messages.LaunchTimeout, "ECS's answer cannot be understood"}

// Bounds of texts that others wrote, in bytes.
const (
	maxMessage    = 500
	maxReason     = 1000
	maxStopReason = 255
)

// Parts of ECS's messages that say more than their codes.
const (
	saysRate         = "Rate exceeded" // also inside InvalidParameterException, when EC2 throttles ECS
	saysNoInstances  = "No Container Instances were found in your cluster"
	saysProvisioning = "Tasks provisioning capacity limit exceeded"
	saysTaskNotFound = "The referenced task was not found"

	// The SDK's, which has no type for it.
	saysGetCredentials      = "get credentials"
	saysRetrieveCredentials = "retrieve credentials"
)

// deniedCodes are what AWS says when it does not know or does not allow the caller.
var deniedCodes = map[string]bool{
	"AccessDenied": true, "AccessDeniedException": true, "AuthFailure": true, "BlockedException": true,
	"ExpiredToken": true, "ExpiredTokenException": true, "IncompleteSignature": true, "IncompleteSignatureException": true,
	"InvalidAccessKeyId": true, "InvalidClientTokenId": true, "InvalidSignatureException": true,
	"MissingAuthenticationToken": true, "MissingAuthenticationTokenException": true, "NotAuthorized": true,
	"OptInRequired": true, "RequestExpired": true, "RequestTimeTooSkewed": true, "SignatureDoesNotMatch": true,
	"SubscriptionRequiredException": true, "UnauthorizedOperation": true,
	"UnrecognizedClient": true, "UnrecognizedClientException": true,
}

// quotaCode is the account's quota of tasks. The SDK's list of throttling codes has it too, but waiting a second is no help.
const quotaCode = "LimitExceededException"

// unavailableCodes are faults of AWS, for answers whose HTTP status is not known to say so.
var unavailableCodes = map[string]bool{
	"InternalError": true, "InternalFailure": true, "InternalServerError": true, "PlatformUnknownException": true,
	"RequestTimeout": true, "RequestTimeoutException": true, "ServerException": true,
	"ServiceUnavailable": true, "ServiceUnavailableException": true,
}

// classify sorts an error of a call, and gives what AWS or the network says, behind AWS's code if there is one.
func classify(err error) (messages.LaunchErrorKind, string) {
	if ours, ok := errors.AsType[*known](err); ok {
		return ours.kind, err.Error()
	}
	status := 0
	if response, ok := errors.AsType[*smithyhttp.ResponseError](err); ok {
		status = response.HTTPStatusCode()
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return apiKind(api, status), api.ErrorCode() + ": " + api.ErrorMessage()
	}
	if cut := errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled); status != 0 && !cut {
		return statusKind(status), fmt.Sprintf("HTTP status %d with a body that is not ECS's", status)
	}
	return transportKind(err)
}

// apiKind sorts an error that AWS has explained. Messages are asked first: some codes stand for everything.
func apiKind(err smithy.APIError, status int) messages.LaunchErrorKind {
	code, message := err.ErrorCode(), err.ErrorMessage()
	_, throttle := retry.DefaultThrottleErrorCodes[code]
	switch {
	case strings.Contains(message, saysRate):
		return messages.LaunchThrottled
	case strings.Contains(message, saysNoInstances), strings.Contains(message, saysProvisioning), code == quotaCode:
		return messages.LaunchNoCapacity
	case throttle:
		return messages.LaunchThrottled
	case isAccessPointLimit(err):
		return messages.LaunchInvalid
	case deniedCodes[code]:
		return messages.LaunchDenied
	case unavailableCodes[code], err.ErrorFault() == smithy.FaultServer:
		return messages.LaunchUnavailable
	case status != 0:
		return statusKind(status)
	default:
		return messages.LaunchInvalid
	}
}

// statusKind sorts by HTTP status alone. A success that cannot be read may have done what was asked.
func statusKind(status int) messages.LaunchErrorKind {
	switch {
	case status < http.StatusMultipleChoices:
		return messages.LaunchTimeout
	case status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusProxyAuthRequired:
		return messages.LaunchDenied
	case status == http.StatusTooManyRequests:
		return messages.LaunchThrottled
	case status >= http.StatusInternalServerError:
		return messages.LaunchUnavailable
	default:
		return messages.LaunchInvalid
	}
}

// transportKind sorts an error without an answer. Only a connection that was never made is sure to have carried nothing.
func transportKind(err error) (messages.LaunchErrorKind, string) {
	text := err.Error()
	dns, noAddress := errors.AsType[*net.DNSError](err)
	network, inNetwork := errors.AsType[*net.OpError](err)
	send, sending := errors.AsType[*smithyhttp.RequestSendError](err)
	switch {
	case strings.Contains(text, saysGetCredentials), strings.Contains(text, saysRetrieveCredentials):
		return messages.LaunchDenied, "no AWS credentials: " + text
	case errors.Is(err, context.DeadlineExceeded):
		return messages.LaunchTimeout, "no answer in time"
	case errors.Is(err, context.Canceled):
		return messages.LaunchTimeout, "the gateway closed before the answer came"
	case noAddress:
		return messages.LaunchUnavailable, "no address for ECS: " + dns.Error()
	case inNetwork && network.Op == "dial":
		return messages.LaunchUnavailable, "no connection to ECS: " + network.Error()
	case sending:
		return messages.LaunchTimeout, "the connection ended before the answer came: " + send.Error()
	default:
		return messages.LaunchInvalid, text
	}
}

// deniedAction is the permission that AWS says is missing.
var deniedAction = regexp.MustCompile(`perform: ([a-z0-9-]+:[A-Za-z]+)`)

// subject is what a call that failed was about.
type subject struct{ op, cluster, taskDefinition, secret string }

// explain makes an error of a call one for actors, operators and waiting clients. It names AWS's error code and says what
// helps. AWS's own text of a denial stays in the log: it has the account's number and the names of roles.
func (s subject) explain(err error) *messages.LaunchError {
	kind, text := classify(err)
	text = clip(redact(oneLine(text), s.secret), maxMessage) // in this order: half a secret would not be found
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		if kind == messages.LaunchDenied {
			text = api.ErrorCode()
		}
		if advice := s.advice(kind, api); advice != "" {
			text += "; " + advice
		}
	}
	return &messages.LaunchError{Kind: kind, Op: s.op, Message: text}
}

// advice says what an operator can do about an error of AWS; it is empty when there is nothing to add.
func (s subject) advice(kind messages.LaunchErrorKind, err smithy.APIError) string {
	code, message := err.ErrorCode(), err.ErrorMessage()
	switch {
	case kind == messages.LaunchDenied && strings.HasPrefix(code, "AccessDenied"):
		action := serviceOf(s.op) + ":" + s.op
		if named := deniedAction.FindStringSubmatch(message); named != nil {
			action = named[1]
		}
		return "the gateway's role lacks the permission " + action
	case kind == messages.LaunchDenied:
		return "AWS does not accept the gateway's credentials: check its role, its keys and its clock"
	case isAccessPointLimit(err):
		return efs.ErrLimit.Error()
	case code == "ClusterNotFoundException":
		return "is there a cluster " + s.cluster + " in this account and Region?"
	case strings.Contains(message, saysNoInstances):
		return "cluster " + s.cluster + " has no hosts"
	case kind == messages.LaunchNoCapacity:
		return "a quota of the account is used up"
	case kind == messages.LaunchThrottled:
		return "the account makes more calls in this Region than AWS allows"
	case kind == messages.LaunchInvalid && (s.op == "RunTask" || s.op == "DescribeTaskDefinition"):
		return "the task definition is " + s.taskDefinition + ", the cluster " + s.cluster
	default:
		return ""
	}
}

// isAccessPointLimit tells the file system's quota, which no waiting mends, from a denial: both have HTTP status 403.
func isAccessPointLimit(err smithy.APIError) bool {
	return err.ErrorCode() == "AccessPointLimitExceeded"
}

// serviceOf is the prefix of an operation's permission.
func serviceOf(op string) string {
	if strings.HasSuffix(op, "AccessPoint") || strings.HasSuffix(op, "AccessPoints") {
		return "elasticfilesystem"
	}
	if op == "DescribeWarmPool" {
		return "autoscaling"
	}
	return "ecs"
}

// isTaskNotFound reports whether ECS does not know the task of a StopTask call, no longer or not yet.
func isTaskNotFound(err error) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	return ok && strings.Contains(api.ErrorMessage(), saysTaskNotFound)
}

// oneLine makes a text fit for a log line.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// clip cuts a text to so many bytes, between two characters.
func clip(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}

// redact takes a secret out of a text. AWS has no reason to repeat a token, and no promise not to.
func redact(s, secret string) string {
	if secret == "" {
		return s
	}
	return strings.ReplaceAll(s, secret, "[secret]")
}
