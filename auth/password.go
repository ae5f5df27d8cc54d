package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"github.com/mainstay-run/mainstay/problem"
)

// What hashing costs: OWASP's least for argon2id. Older hashes carry their own.
const (
	argonMemory  = 19456 // KiB
	argonTime    = 2
	argonThreads = 1
	saltLength   = 16
	tagLength    = 32
)

// MaxPassword is the longest password in code points.
const MaxPassword = 128

//go:embed common.txt
var commonText string

// common are passwords that everybody tries first.
var common = sync.OnceValue(func() map[string]bool {
	m := map[string]bool{}
	for p := range strings.FieldsSeq(commonText) {
		m[p] = true
	}
	return m
})

// CheckPassword says in plain words, with a stable code, what is wrong with a
// new password; an empty code is a good one. least is the contract's, in code points.
func CheckPassword(password string, least int) (code, detail string) {
	n := utf8.RuneCountInString(password)
	switch {
	case strings.IndexByte(password, 0) >= 0 || !utf8.ValidString(password):
		return "format", "must not hold the character NUL"
	case n < max(least, 1):
		return "min", fmt.Sprintf("must have at least %d characters", max(least, 1))
	case n > MaxPassword:
		return "max", fmt.Sprintf("must have at most %d characters", MaxPassword)
	case common()[strings.ToLower(password)]:
		return "common", "is one of the passwords that everybody tries first"
	}
	return "", ""
}

// hashing keeps argon2 within the machine: it gets a share of the processors, so
// that many who sign in leave the others room, and its memory is bounded; and a
// queue that does not grow for ever.
var hashing = struct {
	slots   chan struct{}
	waiting atomic.Int64
}{slots: make(chan struct{}, hashers(runtime.GOMAXPROCS(0)))}

// hashers is how many hashes are made at one time on so many processors.
func hashers(processors int) int { return max(1, processors/2) }

const maxWaiting = 64

func enterHashing(ctx context.Context) (leave func(), err error) {
	if hashing.waiting.Add(1) > maxWaiting {
		hashing.waiting.Add(-1)
		return nil, busy(nil)
	}
	defer hashing.waiting.Add(-1)
	select {
	case hashing.slots <- struct{}{}:
		return func() { <-hashing.slots }, nil
	case <-ctx.Done():
		return nil, busy(ctx.Err())
	}
}

func busy(cause error) error {
	e := problem.Wrap(cause, problem.Unavailable, "too many sign-ins at once")
	e.RetryAfter = time.Second
	return e
}

// HashPassword gives the PHC string of password under argon2id. It waits for
// its turn; Unavailable when too many wait already or ctx ends.
func HashPassword(ctx context.Context, password string) (string, error) {
	leave, err := enterHashing(ctx)
	if err != nil {
		return "", err
	}
	defer leave()
	var salt [saltLength]byte
	rand.Read(salt[:])
	tag := argon2.IDKey([]byte(password), salt[:], argonTime, argonMemory, argonThreads, tagLength)
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonTime, argonThreads,
		base64.RawStdEncoding.EncodeToString(salt[:]), base64.RawStdEncoding.EncodeToString(tag)), nil
}

// nobodysHash is compared with when there is no such account, so that the
// answer takes as long as for a wrong password.
var nobodysHash = fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonTime, argonThreads,
	base64.RawStdEncoding.EncodeToString(make([]byte, saltLength)), base64.RawStdEncoding.EncodeToString(make([]byte, tagLength)))

// VerifyPassword reports whether password made hash. An empty hash, for an
// account that does not exist, is never right and takes just as long.
func VerifyPassword(ctx context.Context, hash, password string) (bool, error) {
	known := hash != ""
	if !known {
		hash = nobodysHash
	}
	p, err := parsePHC(hash)
	if err != nil {
		return false, err
	}
	leave, err := enterHashing(ctx)
	if err != nil {
		return false, err
	}
	defer leave()
	tag := argon2.IDKey([]byte(password), p.salt, p.time, p.memory, p.threads, uint32(len(p.tag)))
	return subtle.ConstantTimeCompare(tag, p.tag) == 1 && known, nil
}

// phc is a stored hash taken apart.
type phc struct {
	memory, time uint32
	threads      uint8
	salt, tag    []byte
}

var errPHC = errors.New("auth: a stored password hash is not one of argon2id's")

func parsePHC(s string) (phc, error) {
	var p phc
	var version int
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" {
		return p, errPHC
	}
	if _, err := fmt.Sscanf(parts[2], "v=%d", &version); err != nil || version != argon2.Version {
		return p, errPHC
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &p.memory, &p.time, &p.threads); err != nil {
		return p, errPHC
	}
	var saltErr, tagErr error
	p.salt, saltErr = base64.RawStdEncoding.DecodeString(parts[4])
	p.tag, tagErr = base64.RawStdEncoding.DecodeString(parts[5])
	if saltErr != nil || tagErr != nil || len(p.tag) < 16 || p.time == 0 || p.threads == 0 || p.memory > 1<<20 {
		return p, errPHC
	}
	return p, nil
}
