package auth

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/mainstay-run/mainstay/problem"
)

func TestPassword(t *testing.T) {
	ctx := t.Context()
	long := strings.Repeat("a", 72)
	hash, err := HashPassword(ctx, long+"b")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("the hash is %s", hash)
	}
	for _, tt := range []struct {
		name, hash, password string
		want                 bool
	}{
		{"the right one is right", hash, long + "b", true},
		{"nothing behind the 72nd byte is cut off", hash, long + "c", false},
		{"a prefix is wrong", hash, long, false},
		{"an unknown account is wrong", "", long + "b", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := VerifyPassword(ctx, tt.hash, tt.password)
			if err != nil || got != tt.want {
				t.Errorf("VerifyPassword = %v, %v; want %v", got, err, tt.want)
			}
		})
	}
	if again, _ := HashPassword(ctx, long+"b"); again == hash {
		t.Error("two hashes of one password are equal: the salt is missing")
	}
}

func TestVerifyPasswordRefusesForeignHashes(t *testing.T) {
	for _, hash := range []string{
		"plain", "$2a$10$abcdefghijklmnopqrstuv", "$argon2id$v=19$m=19456,t=2,p=1$AAAA$",
		"$argon2id$v=19$m=99999999,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=16$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	} {
		if ok, err := VerifyPassword(t.Context(), hash, "x"); ok || err == nil {
			t.Errorf("VerifyPassword(%q) = %v, %v; want an error", hash, ok, err)
		}
	}
}

func TestCheckPassword(t *testing.T) {
	for _, tt := range []struct{ name, password, want string }{
		{"long enough", "correct horse battery", ""},
		{"counted in code points", "ßßßßßßßßßßßß", ""},
		{"too short", "short", "min"},
		{"128 code points", strings.Repeat("ü", 128), ""},
		{"129 code points", strings.Repeat("ü", 129), "max"},
		{"NUL inside", "correct\x00horse battery", "format"},
		{"everybody's", "Password12345", "common"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, _ := CheckPassword(tt.password, 12); got != tt.want {
				t.Errorf("CheckPassword = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestHashingLeavesProcessorsToOthers(t *testing.T) {
	for processors, want := range map[int]int{1: 1, 2: 1, 3: 1, 4: 2, 64: 32} {
		if got := hashers(processors); got != want {
			t.Errorf("of %d processors it takes %d, want %d", processors, got, want)
		}
	}
}

func TestHashingIsBounded(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var free []func()
	for range cap(hashing.slots) { // all places are taken
		leave, err := enterHashing(ctx)
		if err != nil {
			t.Fatal(err)
		}
		free = append(free, leave)
	}
	const callers = 4 * maxWaiting
	var wait sync.WaitGroup
	kinds := make(chan problem.Kind, callers)
	for range callers {
		wait.Go(func() {
			_, err := HashPassword(ctx, "x")
			kinds <- problem.KindOf(err)
		})
	}
	for range callers - maxWaiting { // these are refused at once
		if k := <-kinds; k != problem.Unavailable {
			t.Fatalf("one more waiting caller got %q, want %q", k, problem.Unavailable)
		}
	}
	cancel() // and these when they go away
	wait.Wait()
	close(kinds)
	for k := range kinds {
		if k != problem.Unavailable {
			t.Errorf("a caller who went away got %q, want %q", k, problem.Unavailable)
		}
	}
	for _, leave := range free {
		leave()
	}
}
