package keyring

import (
	"encoding/hex"
	"testing"
)

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func newTestSIV(t *testing.T, key string) *siv {
	t.Helper()
	s, err := newSIV(unhex(t, key))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The examples of RFC 4493, 4.
func TestCMACIsThatOfTheRFC(t *testing.T) {
	const key = "2b7e151628aed2a6abf7158809cf4f3c"
	s := newTestSIV(t, key+key)
	text := unhex(t, "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"+
		"30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710")
	for length, want := range map[int]string{
		0:  "bb1d6929e95937287fa37d129b756746",
		16: "070a16b46b4d4144f79bdd9dd04a287c",
		40: "dfa66747de9ae63030ca32611497c827",
		64: "51f0bebf7e3b9d92fc49741779363cfe",
	} {
		sum := s.cmac(text[:length])
		if got := hex.EncodeToString(sum[:]); got != want {
			t.Errorf("of %d bytes: got %s, want %s", length, got, want)
		}
	}
}

// The example of RFC 5297, A.1.
func TestSIVIsThatOfTheRFC(t *testing.T) {
	s := newTestSIV(t, "fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff")
	bound := unhex(t, "101112131415161718191a1b1c1d1e1f2021222324252627")
	plain := unhex(t, "112233445566778899aabbccddee")
	sealed := s.seal(nil, plain, bound)
	if got, want := hex.EncodeToString(sealed), "85632d07c6e8f37f950acd320a2ecc9340c02b9690c4dc04daef7f6afe5c"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if opened, ok := s.open(sealed, bound); !ok || string(opened) != string(plain) {
		t.Errorf("opens as %x, %v", opened, ok)
	}
}

// What was sealed by Tink, which sealed once, opens still: walks outlive a deploy.
func TestTextsSealedLongAgoOpen(t *testing.T) {
	r := ring(t, one)
	for _, tt := range []struct{ plain, bound, text string }{
		{"", "ann", "TSxYzljIVv4FyMZYwAv2BA"},
		{"", "", "xYLy086l-8SbuAMBYvBB0A"},
		{"after 7", "ann", "i3DPdY1J-zMXINR_bm7KcQ9-lhZximQ"},
		{"after 7", "", "JRpbiuYWIm8296KPiLWJLSAbIUnM27Q"},
		{"sixteen bytes ok", "ann", "Eves0P7-EhH70yTj8rNcwkw_VLfYPRoO4W5jQXjFHnQ"},
		{"sixteen bytes ok", "", "2NhJgaxMq2wQtwYDYCizyaZ85OC5xEj8wIO9saSWUos"},
		{"a longer text, of more than two blocks of the cipher", "ann", "NieXsTEDO5CeiDk5alcYskFt0iuLMP-jwNIeTxPa4ShWFePkppTbhMjeHp3i35911j4v0UmbXM-eZ6iT2D5buZrI3ag"},
		{"a longer text, of more than two blocks of the cipher", "", "xJ4e0mqON-qfeKhIFjolGA3WyDooWxluSDUSQ7LUhbqdMwUkhn8hw8YglKEjhBovuZ_EOvpg8lvfJGfpAS1WngumsCI"},
	} {
		if got := r.Seal("cursor", []byte(tt.plain), []byte(tt.bound)); got != tt.text {
			t.Errorf("%q for %q is sealed as %s, was %s", tt.plain, tt.bound, got, tt.text)
		}
		if got, err := r.Unseal("cursor", tt.text, []byte(tt.bound)); err != nil || string(got) != tt.plain {
			t.Errorf("%q for %q opens as %q, %v", tt.plain, tt.bound, got, err)
		}
	}
}

// Of any length, what was sealed opens, and altered in any byte it does not.
func TestEveryLengthIsSealedAndGuarded(t *testing.T) {
	s := newTestSIV(t, hex.EncodeToString([]byte(one+two)))
	for length := range 70 {
		plain, bound := make([]byte, length), make([]byte, 70-length)
		for i := range plain {
			plain[i] = byte(i)
		}
		sealed := s.seal([]byte("before"), plain, bound)[len("before"):]
		for i := range sealed {
			altered := append([]byte(nil), sealed...)
			altered[i] ^= 0x10
			if _, ok := s.open(altered, bound); ok {
				t.Errorf("%d bytes open with byte %d altered", length, i)
			}
		}
		if opened, ok := s.open(sealed, bound); !ok || string(opened) != string(plain) {
			t.Errorf("%d bytes open as %x, %v", length, opened, ok)
		}
	}
}
