package keyring

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
)

// siv is AES-SIV (RFC 5297) with one piece of associated data: encryption that needs
// no nonce, and tells no more of two texts than whether they are the same. What it
// makes is 16 bytes longer than the text.
type siv struct {
	mac, stream cipher.Block
	// whole and filled mask the last block of a CMAC, the other one that had to be filled.
	whole, filled cmacBlock
	start         cmacBlock // of S2V: the CMAC of a block of zeros, doubled
}

const blockSize = aes.BlockSize

type cmacBlock = [blockSize]byte

// newSIV takes two keys of one length, one behind the other.
func newSIV(key []byte) (*siv, error) {
	mac, err := aes.NewCipher(key[:len(key)/2])
	if err != nil {
		return nil, err
	}
	stream, err := aes.NewCipher(key[len(key)/2:])
	if err != nil {
		return nil, err
	}
	s := &siv{mac: mac, stream: stream}
	var zeros cmacBlock
	mac.Encrypt(s.whole[:], zeros[:])
	s.whole = doubled(s.whole)
	s.filled = doubled(s.whole)
	s.start = doubled(s.cmac(zeros[:]))
	return s, nil
}

// seal appends the sealed text to dst.
func (s *siv) seal(dst, plain, bound []byte) []byte {
	tag := s.tag(plain, bound)
	dst = append(append(dst, tag[:]...), plain...)
	s.crypt(dst[len(dst)-len(plain):], tag)
	return dst
}

// open gives the text that was sealed, in the place of what is given, and whether it
// was sealed so.
func (s *siv) open(sealed, bound []byte) (plain []byte, ok bool) {
	if len(sealed) < blockSize {
		return nil, false
	}
	tag := cmacBlock(sealed)
	plain = sealed[blockSize:]
	s.crypt(plain, tag)
	expected := s.tag(plain, bound)
	if subtle.ConstantTimeCompare(tag[:], expected[:]) != 1 {
		clear(plain)
		return nil, false
	}
	return plain, true
}

// crypt encrypts and decrypts, in place: AES-CTR, whose counter begins with two bits
// at zero, so that counting never leaves the last four bytes.
func (s *siv) crypt(text []byte, tag cmacBlock) {
	tag[8] &= 0x7f
	tag[12] &= 0x7f
	count := tag[12:]
	var pad cmacBlock
	for len(text) > 0 {
		s.stream.Encrypt(pad[:], tag[:])
		text = text[subtle.XORBytes(text, text, pad[:]):]
		binary.BigEndian.PutUint32(count, binary.BigEndian.Uint32(count)+1)
	}
}

// tag is S2V: what a text and what it is bound to become together.
func (s *siv) tag(plain, bound []byte) cmacBlock {
	of := s.cmac(bound)
	d := s.start
	subtle.XORBytes(d[:], d[:], of[:])
	if len(plain) < blockSize {
		d = doubled(d)
		subtle.XORBytes(d[:], d[:], plain)
		d[len(plain)] ^= 0x80
		return s.cmac(d[:])
	}
	text := append(make([]byte, 0, 64), plain...)
	end := text[len(text)-blockSize:]
	subtle.XORBytes(end, end, d[:])
	return s.cmac(text)
}

// cmac is AES-CMAC (RFC 4493).
func (s *siv) cmac(text []byte) (sum cmacBlock) {
	for len(text) > blockSize {
		subtle.XORBytes(sum[:], sum[:], text)
		s.mac.Encrypt(sum[:], sum[:])
		text = text[blockSize:]
	}
	mask := s.whole
	if len(text) < blockSize {
		mask = s.filled
		mask[len(text)] ^= 0x80
	}
	subtle.XORBytes(sum[:], sum[:], text)
	subtle.XORBytes(sum[:], sum[:], mask[:])
	s.mac.Encrypt(sum[:], sum[:])
	return sum
}

// doubled is 2·b in the field of 2^128 elements, in constant time.
func doubled(b cmacBlock) cmacBlock {
	high, low := binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
	carry := high >> 63
	binary.BigEndian.PutUint64(b[:8], high<<1|low>>63)
	binary.BigEndian.PutUint64(b[8:], low<<1^carry*0x87)
	return b
}
