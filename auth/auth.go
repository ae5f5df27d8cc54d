// Package auth finds out who is calling, and nothing else: it turns an
// Authorization header into a Principal, hashes passwords, makes and checks
// tokens and API keys, and limits attempts. Signing up, in and out are
// operations of the engine, which uses what is here.
package auth

import (
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/value"
)

// Principal is who calls. The zero Principal is nobody.
type Principal struct {
	// Caller is the account with its record; nil for nobody.
	Caller *rule.Caller
	// Session is the SHA-256 of the session's token, "" when an API key or nobody calls.
	Session string
	// Key is the API key's id, the zero UUID when there is none.
	Key value.UUID
	// Scopes limit an API key: "read", "write", or "RESOURCE:read|write" such as
	// "postings:read". nil: everything that the account may do.
	Scopes []string
}

// Nobody is the principal of a request without credentials.
var Nobody = &Principal{}
