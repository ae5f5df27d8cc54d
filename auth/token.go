package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// The marks that tokens begin with, so that people and secret scanners know them.
const (
	sessionMark = "ms_"
	keyMark     = "mk_"
	tokenLength = 3 + 43 // a mark and 256 bits in base64url
)

// NewToken makes a session's token, which only its owner ever holds, and the
// hash of it, which is what the database keeps.
func NewToken() (token, hash string) { return newToken(sessionMark) }

// NewKey makes an API key. prefix is enough of it for people to know it again
// and far too little to guess it.
func NewKey() (key, hash, prefix string) {
	key, hash = newToken(keyMark)
	return key, hash, key[:len(keyMark)+6]
}

func newToken(mark string) (token, hash string) {
	var secret [32]byte
	rand.Read(secret[:]) // never fails: crypto/rand ends the program instead
	token = mark + base64.RawURLEncoding.EncodeToString(secret[:])
	return token, hashToken(token)
}

// hashToken needs no salt and no slow hash: 256 random bits cannot be guessed.
func hashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// bearer takes the token out of an Authorization header (RFC 6750, 2.1). ok is
// false for every other scheme and for what cannot be one of our tokens.
func bearer(authorization string) (token string, ok bool) {
	scheme, token, _ := strings.Cut(authorization, " ")
	token = strings.TrimLeft(token, " ")
	if !strings.EqualFold(scheme, "bearer") || len(token) != tokenLength {
		return "", false
	}
	if mark := token[:3]; mark != sessionMark && mark != keyMark {
		return "", false
	}
	_, err := base64.RawURLEncoding.Strict().DecodeString(token[3:])
	return token, err == nil
}
