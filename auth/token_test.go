package auth

import (
	"strings"
	"testing"
)

func TestBearer(t *testing.T) {
	token, hash := NewToken()
	key, _, prefix := NewKey()
	if !strings.HasPrefix(token, "ms_") || !strings.HasPrefix(key, "mk_") || !strings.HasPrefix(key, prefix) {
		t.Fatalf("token %s, key %s, prefix %s", token, key, prefix)
	}
	if len(hash) != 64 || strings.Contains(hash, token[3:]) {
		t.Errorf("the hash is %s", hash)
	}
	for _, tt := range []struct {
		name, header string
		want         bool
	}{
		{"a session", "Bearer " + token, true},
		{"a key", "Bearer " + key, true},
		{"the scheme in any case", "bEARER " + token, true},
		{"another scheme", "Basic " + token, false},
		{"no scheme", token, false},
		{"another mark", "Bearer mx_" + token[3:], false},
		{"too short", "Bearer " + token[:len(token)-1], false},
		{"two tokens", "Bearer " + token + " " + token, false},
		{"no base64", "Bearer " + token[:len(token)-1] + "!", false},
		{"nothing", "Bearer ", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, ok := bearer(tt.header); ok != tt.want {
				t.Errorf("bearer = %v, want %v", ok, tt.want)
			}
		})
	}
}
