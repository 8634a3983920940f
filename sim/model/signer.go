package model

import "hearth/messages"

// signer makes signatures that anyone could forge and nobody here does; it implements actors.Signer.
type signer struct{}

// Binding signs that this task serves this session of this user.
func (signer) Binding(task messages.TaskID, session messages.SessionID, user messages.UserID) string {
	return "signed:" + string(task) + ":" + string(session) + ":" + string(user)
}

// VerifyBinding reports whether a binding is Binding's.
func (s signer) VerifyBinding(
	binding string, task messages.TaskID, session messages.SessionID, user messages.UserID,
) bool {
	return binding == s.Binding(task, session, user)
}
