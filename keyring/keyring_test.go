package keyring

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func ring(t *testing.T, secret string) *Ring {
	t.Helper()
	r, err := FromSecret([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var (
	one = strings.Repeat("1", MinSecret)
	two = strings.Repeat("2", MinSecret)
)

func TestSealedTextsOpenOnlyWhereTheyBelong(t *testing.T) {
	r := ring(t, one)
	text := r.Seal("cursor", []byte("after 7"), []byte("ann"))
	if text != ring(t, one).Seal("cursor", []byte("after 7"), []byte("ann")) {
		t.Error("a replica with the same secret seals differently")
	}
	if plain, err := r.Unseal("cursor", text, []byte("ann")); err != nil || string(plain) != "after 7" {
		t.Errorf("got %q, %v", plain, err)
	}

	altered := []byte(text)
	altered[len(altered)/2] ^= 1
	for name, open := range map[string]func() ([]byte, error){
		"another binding": func() ([]byte, error) { return r.Unseal("cursor", text, []byte("bob")) },
		"another use":     func() ([]byte, error) { return r.Unseal("token", text, []byte("ann")) },
		"another secret":  func() ([]byte, error) { return ring(t, two).Unseal("cursor", text, []byte("ann")) },
		"an altered text": func() ([]byte, error) { return r.Unseal("cursor", string(altered), []byte("ann")) },
		"a cut text":      func() ([]byte, error) { return r.Unseal("cursor", text[:len(text)-4], []byte("ann")) },
		"a longer text":   func() ([]byte, error) { return r.Unseal("cursor", text+"AAAA", []byte("ann")) },
		"no text":         func() ([]byte, error) { return r.Unseal("cursor", "", []byte("ann")) },
		"not base64":      func() ([]byte, error) { return r.Unseal("cursor", "a+/=", []byte("ann")) },
		"a line break":    func() ([]byte, error) { return r.Unseal("cursor", text+"\n", []byte("ann")) },
	} {
		if plain, err := open(); !errors.Is(err, ErrForged) || plain != nil {
			t.Errorf("%s: got %q, %v", name, plain, err)
		}
	}
}

func TestEmptyTextsCanBeSealed(t *testing.T) {
	r := ring(t, one)
	if plain, err := r.Unseal("cursor", r.Seal("cursor", nil, nil), nil); err != nil || len(plain) != 0 {
		t.Errorf("got %q, %v", plain, err)
	}
}

func TestEveryUseHasItsOwnKey(t *testing.T) {
	a, b := ring(t, one), ring(t, two)
	macs := map[string]string{}
	for name, mac := range map[string][]byte{
		"etag": a.MAC("etag", []byte("x")), "token": a.MAC("token", []byte("x")), "another ring": b.MAC("etag", []byte("x")), "other data": a.MAC("etag", []byte("y")),
	} {
		if other, twice := macs[string(mac)]; twice || len(mac) != 32 {
			t.Errorf("%s gives the same as %s", name, other)
		}
		macs[string(mac)] = name
	}
	if !bytes.Equal(a.MAC("etag", []byte("x")), ring(t, one).MAC("etag", []byte("x"))) {
		t.Error("a replica with the same secret gives another code")
	}
}

func TestShortSecretsAreRefused(t *testing.T) {
	if _, err := FromSecret([]byte(one[1:])); err == nil {
		t.Error("31 bytes were taken")
	}
}

func TestTheSecretIsNeverPrinted(t *testing.T) {
	r := ring(t, one)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		text := fmt.Sprintf(verb, r)
		if strings.Contains(text, "111") || strings.Contains(text, "49, 49") || strings.Contains(text, hex.EncodeToString([]byte("111"))) {
			t.Errorf("%s prints %s", verb, text)
		}
	}
}

func TestOpenMakesKeysOnce(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "new", ".mainstay")
	first, err := Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(folder, "keys"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v", info.Mode(), err)
	}
	second, err := Open(folder)
	if err != nil || !bytes.Equal(first.MAC("a", nil), second.MAC("a", nil)) {
		t.Errorf("the second time gives other keys, %v", err)
	}
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestOpenAtTheSameTimeAgrees(t *testing.T) {
	folder := t.TempDir()
	macs := make([]string, 8)
	var group sync.WaitGroup
	for i := range macs {
		group.Go(func() {
			if r, err := Open(folder); err == nil {
				macs[i] = string(r.MAC("a", nil))
			}
		})
	}
	group.Wait()
	for _, mac := range macs {
		if mac == "" || mac != macs[0] {
			t.Fatal("two processes have different keys")
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	good := intro + label + hex.EncodeToString([]byte(one)) + "\n"
	for _, tt := range []struct {
		name, text string
		mode       os.FileMode
	}{
		{"a file that the group may read", good, 0o640},
		{"a file that everybody may read", good, 0o604},
		{"an empty file", "", 0o600},
		{"a file without a secret", intro, 0o600},
		{"a short secret", label + "00ff\n", 0o600},
		{"half a digit", label + "0\n", 0o600},
		{"a newer form", "secret-2 abc\n", 0o600},
		{"two secrets", good + good, 0o600},
	} {
		path := filepath.Join(t.TempDir(), "keys")
		if err := os.WriteFile(path, []byte(tt.text), tt.mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, tt.mode); err != nil { // whatever the umask
			t.Fatal(err)
		}
		if _, err := Open(filepath.Dir(path)); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got %v, want an error that names the file", tt.name, err)
		}
		if after, err := os.ReadFile(path); err != nil || string(after) != tt.text {
			t.Errorf("%s: the file was changed", tt.name)
		}
	}
}

func FuzzUnseal(f *testing.F) {
	r, err := FromSecret([]byte(one))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(r.Seal("cursor", []byte("x"), nil))
	f.Fuzz(func(t *testing.T, text string) {
		plain, err := r.Unseal("cursor", text, nil)
		if err == nil && r.Seal("cursor", plain, nil) != text {
			t.Fatalf("%q unseals to %q, which is sealed otherwise", text, plain)
		}
	})
}

// A text and what it is bound to are told apart, wherever one ends and the other begins.
func TestNoncesAreOfTheWholeInput(t *testing.T) {
	r := ring(t, one)
	const nonce = 32 // of 24 bytes in base64
	met := map[string]string{}
	for _, in := range [][2]string{{"", ""}, {"a", ""}, {"", "a"}, {"ab", ""}, {"a", "b"}, {"", "ab"}} {
		text := r.Seal("cursor", []byte(in[0]), []byte(in[1]))
		if other, twice := met[text[:nonce]]; twice {
			t.Errorf("%q has the nonce of %s", in, other)
		}
		met[text[:nonce]] = fmt.Sprintf("%q", in)
	}
}
