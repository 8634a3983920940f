package ecs

import (
	"context"
	"errors"
	"net"
	"net/http"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

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
	saysRate           = "Rate exceeded" // also inside InvalidParameterException, when EC2 throttles ECS
	saysNoInstances    = "No Container Instances were found in your cluster"
	saysProvisioning   = "Tasks provisioning capacity limit exceeded"
	saysTaskNotFound   = "The referenced task was not found"
	saysNoCredentials1 = "get credentials"
	saysNoCredentials2 = "retrieve credentials"
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
	if ours := new(known); errors.As(err, &ours) {
		return ours.kind, err.Error()
	}
	status := 0
	if response := new(smithyhttp.ResponseError); errors.As(err, &response) {
		status = response.HTTPStatusCode()
	}
	var api smithy.APIError
	switch {
	case errors.As(err, &api):
		return apiKind(api, status), api.ErrorCode() + ": " + api.ErrorMessage()
	case status != 0:
		return statusKind(status), "HTTP " + http.StatusText(status) + ", not an answer of ECS"
	default:
		return transportKind(err)
	}
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
	var dns *net.DNSError
	var network *net.OpError
	var send *smithyhttp.RequestSendError
	text := err.Error()
	switch {
	case strings.Contains(text, saysNoCredentials1), strings.Contains(text, saysNoCredentials2):
		return messages.LaunchDenied, "no AWS credentials: " + text
	case errors.Is(err, context.DeadlineExceeded):
		return messages.LaunchTimeout, "no answer in time"
	case errors.Is(err, context.Canceled):
		return messages.LaunchTimeout, "the gateway closed before the answer came"
	case errors.As(err, &dns):
		return messages.LaunchUnavailable, "no address for ECS: " + dns.Error()
	case errors.As(err, &network) && network.Op == "dial":
		return messages.LaunchUnavailable, "no connection to ECS: " + network.Error()
	case errors.As(err, &send):
		return messages.LaunchTimeout, "the connection ended before the answer came: " + send.Error()
	default:
		return messages.LaunchInvalid, text
	}
}

// deniedAction is the permission that AWS says is missing.
var deniedAction = regexp.MustCompile(`perform: ([a-z0-9-]+:[A-Za-z]+)`)

// explain makes an error of a call one for actors, operators and waiting clients. It names AWS's error code and says what
// helps. For a denial it leaves AWS's own text to the log: that has the account's ids and role names.
func explain(op, cluster, taskDefinition string, err error) *messages.LaunchError {
	kind, text := classify(err)
	text = oneLine(text)
	var api smithy.APIError
	advice := ""
	if errors.As(err, &api) {
		switch {
		case kind == messages.LaunchDenied:
			text, advice = api.ErrorCode(), deniedAdvice(op, api)
		case api.ErrorCode() == "ClusterNotFoundException":
			advice = "; is there a cluster " + cluster + " in this account and Region?"
		case strings.Contains(api.ErrorMessage(), saysNoInstances):
			advice = "; cluster " + cluster + " has no hosts"
		case kind == messages.LaunchThrottled:
			advice = "; the account makes more calls in this Region than AWS allows"
		case api.ErrorCode() == quotaCode, strings.Contains(api.ErrorMessage(), saysProvisioning):
			advice = "; a quota of the account is used up"
		case kind == messages.LaunchInvalid && op == "RunTask":
			advice = "; task definition " + taskDefinition + ", cluster " + cluster
		}
	}
	return &messages.LaunchError{Kind: kind, Op: op, Message: clip(text, maxMessage) + advice}
}

func deniedAdvice(op string, api smithy.APIError) string {
	if !strings.HasPrefix(api.ErrorCode(), "AccessDenied") {
		return "; AWS does not accept the gateway's credentials: check its role, its keys and its clock"
	}
	action := "ecs:" + op
	if named := deniedAction.FindStringSubmatch(api.ErrorMessage()); named != nil {
		action = named[1]
	}
	return "; the gateway's role lacks the permission " + action
}

// isTaskNotFound reports whether ECS does not know the task of a StopTask call, so that nothing is left to stop.
func isTaskNotFound(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && strings.Contains(api.ErrorMessage(), saysTaskNotFound)
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
