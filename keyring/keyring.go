// Package keyring gives each use of secrecy in one installation (sealing cursors,
// hashing entity tags) a key of its own, derived by HKDF-SHA-256 (RFC 5869) from
// one master secret that all replicas share.
package keyring

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"slices"
	"strings"
	"sync"

	"golang.org/x/crypto/chacha20poly1305"
)

// MinSecret is the shortest master secret, in bytes.
const MinSecret = 32

// ErrForged is what Unseal says of a text that was not made by Seal with this
// ring, use and binding: altered, foreign or nonsense, it does not tell which.
var ErrForged = errors.New("keyring: not sealed here for this use")

// Ring derives keys from a master secret. It is safe for concurrent use and
// never prints its secret.
type Ring struct {
	secret []byte
	macs   sync.Map // use → *mac
	boxes  sync.Map // use → box
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
		kept, _ = r.macs.LoadOrStore(use, newMAC(r.derive("mac", use, sha256.Size)))
	}
	return kept.(*mac).sum(make([]byte, 0, sha256.Size), data)
}

// mac is HMAC-SHA-256 under one key.
type mac struct{ hashes sync.Pool }

func newMAC(key []byte) *mac {
	return &mac{sync.Pool{New: func() any { return hmac.New(sha256.New, key) }}}
}

// sum appends the hash of parts, one behind the other.
func (m *mac) sum(dst []byte, parts ...[]byte) []byte {
	h := m.hashes.Get().(hash.Hash)
	defer m.hashes.Put(h)
	h.Reset()
	for _, part := range parts {
		h.Write(part)
	}
	return h.Sum(dst)
}

// box seals for one use: XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha), whose nonce is
// a hash of all that is sealed, so that the same input gives the same text and, as in
// RFC 5297, a nonce that comes twice tells no more than that.
type box struct {
	cipher cipher.AEAD
	nonces *mac
}

func (b box) seal(plain, bound []byte) []byte {
	const nonce = chacha20poly1305.NonceSizeX
	length := binary.BigEndian.AppendUint64(make([]byte, 0, 8), uint64(len(bound)))
	out := b.nonces.sum(make([]byte, 0, 128), length, bound, plain)[:nonce]
	return b.cipher.Seal(out, out, plain, bound)
}

func (b box) open(sealed, bound []byte) ([]byte, error) {
	nonce := b.cipher.NonceSize()
	if len(sealed) < nonce {
		return nil, ErrForged
	}
	plain, err := b.cipher.Open(sealed[nonce:nonce], sealed[:nonce], sealed[nonce:], bound)
	if err != nil {
		return nil, ErrForged
	}
	return plain, nil
}

// Seal encrypts and authenticates plain under the keys of this use and binds it to
// what stands around it: only the same bound bytes unseal it. The same input gives
// the same text, in the URL-safe base64 alphabet.
func (r *Ring) Seal(use string, plain, bound []byte) string {
	return base64.RawURLEncoding.EncodeToString(r.box(use).seal(plain, bound))
}

// Unseal gives the plain bytes that Seal was given, or ErrForged.
func (r *Ring) Unseal(use, text string, bound []byte) ([]byte, error) {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || strings.ContainsAny(text, "\r\n") { // which the decoder skips
		return nil, ErrForged
	}
	return r.box(use).open(sealed, bound)
}

func (r *Ring) box(use string) box {
	if kept, ok := r.boxes.Load(use); ok {
		return kept.(box)
	}
	aead, err := chacha20poly1305.NewX(r.derive("seal", use, chacha20poly1305.KeySize))
	if err != nil {
		panic(fmt.Sprintf("keyring: %v", err)) // only for a key of another size
	}
	kept, _ := r.boxes.LoadOrStore(use, box{aead, newMAC(r.derive("nonce", use, sha256.Size))})
	return kept.(box)
}

func (r *Ring) derive(kind, use string, size int) []byte {
	key, err := hkdf.Key(sha256.New, r.secret, nil, "mainstay "+kind+" "+use, size)
	if err != nil {
		panic(fmt.Sprintf("keyring: %v", err)) // only for keys of many kilobytes
	}
	return key
}
