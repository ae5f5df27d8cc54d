// Package keyring gives each use of secrecy in one installation (sealing cursors,
// hashing entity tags) a key of its own, derived by HKDF-SHA-256 (RFC 5869) from
// one master secret that all replicas share.
package keyring

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"slices"
	"strings"
	"sync"
)

// sivKeySize is that of two keys of AES-256.
const sivKeySize = 64

// MinSecret is the shortest master secret, in bytes.
const MinSecret = 32

// ErrForged is what Unseal says of a text that was not made by Seal with this
// ring, use and binding: altered, foreign or nonsense, it does not tell which.
var ErrForged = errors.New("keyring: not sealed here for this use")

// Ring derives keys from a master secret. It is safe for concurrent use and
// never prints its secret.
type Ring struct {
	secret []byte
	macs   sync.Map // use → *sync.Pool of hash.Hash
	sivs   sync.Map // use → *siv
}

// FromSecret makes a ring of a master secret that the operator keeps.
func FromSecret(secret []byte) (*Ring, error) {
	if len(secret) < MinSecret {
		return nil, fmt.Errorf("keyring: the secret has %d bytes, it needs at least %d", len(secret), MinSecret)
	}
	return &Ring{secret: slices.Clone(secret)}, nil
}

// String keeps the secret out of logs and errors.
func (r *Ring) String() string { return "keyring" }

// GoString is String, for %#v.
func (r *Ring) GoString() string { return "keyring" }

// MAC is HMAC-SHA-256 of data under the key of this use. Uses are few constants
// of the program, such as "etag": what is made of their keys is kept.
func (r *Ring) MAC(use string, data []byte) []byte {
	kept, ok := r.macs.Load(use)
	if !ok {
		key := r.derive("mac", use, sha256.Size)
		kept, _ = r.macs.LoadOrStore(use, &sync.Pool{New: func() any { return hmac.New(sha256.New, key) }})
	}
	pool := kept.(*sync.Pool)
	h := pool.Get().(hash.Hash)
	defer pool.Put(h)
	h.Reset()
	h.Write(data)
	return h.Sum(nil)
}

// Seal encrypts and authenticates plain under the key of this use (AES-SIV, RFC
// 5297) and binds it to what stands around it: only the same bound bytes unseal
// it. The same input gives the same text, in the URL-safe base64 alphabet.
func (r *Ring) Seal(use string, plain, bound []byte) string {
	sealed := r.siv(use).seal(make([]byte, 0, 96), plain, bound)
	return string(base64.RawURLEncoding.AppendEncode(make([]byte, 0, 128), sealed))
}

// Unseal gives the plain bytes that Seal was given, or ErrForged.
func (r *Ring) Unseal(use, text string, bound []byte) ([]byte, error) {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || strings.ContainsAny(text, "\r\n") { // which the decoder skips
		return nil, ErrForged
	}
	plain, ok := r.siv(use).open(sealed, bound)
	if !ok {
		return nil, ErrForged
	}
	return plain, nil
}

func (r *Ring) siv(use string) *siv {
	if kept, ok := r.sivs.Load(use); ok {
		return kept.(*siv)
	}
	made, err := newSIV(r.derive("siv", use, sivKeySize))
	if err != nil {
		panic(fmt.Sprintf("keyring: %v", err)) // only for a key of another size
	}
	kept, _ := r.sivs.LoadOrStore(use, made)
	return kept.(*siv)
}

func (r *Ring) derive(kind, use string, size int) []byte {
	key, err := hkdf.Key(sha256.New, r.secret, nil, "mainstay "+kind+" "+use, size)
	if err != nil {
		panic(fmt.Sprintf("keyring: %v", err)) // only for keys of many kilobytes
	}
	return key
}
