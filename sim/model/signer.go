package model

import "hearth/messages/wire"

// signer makes signatures that anyone could forge and nobody here does; it implements actors.Signer.
type signer struct{}

// Binding signs that this task serves this session of this user.
func (signer) Binding(task wire.TaskID, session wire.SessionID, user wire.UserID) string {
	return "signed:" + string(task) + ":" + string(session) + ":" + string(user)
}

// VerifyBinding reports whether a binding is Binding's.
func (s signer) VerifyBinding(
	binding string, task wire.TaskID, session wire.SessionID, user wire.UserID,
) bool {
	return binding == s.Binding(task, session, user)
}

// WarmPass signs that this task may be given a user.
func (signer) WarmPass(task wire.TaskID) wire.Secret {
	return "passed:" + wire.Secret(task)
}

// VerifyWarmPass reports whether a pass is WarmPass's.
func (s signer) VerifyWarmPass(pass wire.Secret, task wire.TaskID) bool {
	return pass == s.WarmPass(task)
}
