// Package auth says who a request comes from: a user's client, by a JWT, or an operator, by a token. Its errors name what
// is wrong and never quote a token.
package auth
