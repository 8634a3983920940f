package localecs

import (
	"fmt"
	"net/http"
)

// apiError is an answer that is not a success, with the members that AWS gives it. Status is the HTTP status.
type apiError struct {
	Status      int      `json:"-"`
	Type        string   `json:"__type"`
	Message     string   `json:"message"`
	ResourceIDs []string `json:"resourceIds,omitempty"`
}

func (e *apiError) Error() string { return e.Type + ": " + e.Message }

func fault(kind, format string, args ...any) *apiError {
	return &apiError{Status: http.StatusBadRequest, Type: kind, Message: fmt.Sprintf(format, args...)}
}

func invalidParameter(format string, args ...any) *apiError {
	return fault("InvalidParameterException", format, args...)
}

func clientException(format string, args ...any) *apiError {
	return fault("ClientException", format, args...)
}

func serverException(format string, args ...any) *apiError {
	err := fault("ServerException", format, args...)
	err.Status = http.StatusInternalServerError
	return err
}

// failure is the account of one thing that a call, which as a whole succeeded, could not do.
type failure struct {
	Arn    string `json:"arn,omitempty"`
	Reason string `json:"reason"`
	Detail string `json:"detail,omitempty"`
}

const reasonMissing = "MISSING"
