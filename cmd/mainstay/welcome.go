package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/seed"
	"github.com/mainstay-run/mainstay/value"
)

// welcome prints where everything is and lines that work when pasted.
func (d *dev) welcome(set *rule.Set, url string, seeded *seed.Report) {
	base := url + set.Contract.BasePath
	d.printf("\n%s on %s\n", paint(d.out, bold, set.Contract.Name), paint(d.out, cyan, base))
	d.printf("documentation  %s/docs\n", url)
	var accounts []seed.Account
	if seeded != nil {
		accounts = seeded.Accounts
		if seeded.Changed {
			d.printf("\n%s; to load it again into an empty database, stop and run\n  %s\n",
				paint(d.out, yellow, "seed.yaml has changed since it was loaded"), d.anew())
		}
	}
	if len(accounts) > 0 {
		w := tabwriter.NewWriter(d.out, 0, 0, 2, ' ', 0)
		fmt.Fprintf(w, "\naccounts of seed.yaml\n")
		for _, a := range accounts {
			fmt.Fprintf(w, "  %s\t%s\n", a.Email, a.Password)
		}
		w.Flush()
	}
	d.printf("\ntry\n")
	for _, line := range tries(set, base, accounts) {
		d.printf("  %s\n", line)
	}
	d.printf("\nready in %s; saving the contract reloads it, Ctrl-C stops\n", time.Since(d.began).Round(time.Millisecond))
}

// tries are command lines that show the API: what nobody may read, signing in,
// and what only an account may read.
func tries(set *rule.Set, base string, accounts []seed.Account) []string {
	open, closed := showpieces(set)
	var lines []string
	if open != nil {
		lines = append(lines, "curl -s "+base+"/"+open.Path+"; echo")
	}
	enter, body := "login", []byte(nil)
	switch {
	case len(accounts) > 0:
		body = login(set, accounts[0])
	case set.Contract.Accounts != nil && set.Contract.Accounts.Signup == "open":
		enter, body = "signup", seed.SignUp(set, password(set.Contract.Accounts.MinLength), uint64(time.Now().UnixNano()))
	}
	if body == nil {
		return append(lines, "curl -s "+strings.TrimSuffix(base, set.Contract.BasePath)+"/openapi.json; echo")
	}
	read := "auth/me"
	if closed != nil {
		read = closed.Path
	}
	return append(lines,
		fmt.Sprintf(`TOKEN=$(curl -s %s/auth/%s -H 'Content-Type: application/json' -d %s | sed 's/.*"token":"\([^"]*\)".*/\1/')`,
			base, enter, quote(string(body))),
		fmt.Sprintf(`curl -s %s/%s -H "Authorization: Bearer $TOKEN"; echo`, base, read))
}

func login(set *rule.Set, a seed.Account) []byte {
	body, _ := json.Marshal(map[string]string{ // strings always encode
		set.Contract.Accounts.Email.Name: a.Email,
		"password":                       a.Password,
	})
	return body
}

// password is one of at least so many characters.
func password(least int) string {
	const one = "correct horse battery"
	return one + strings.Repeat("!", max(0, least-len(one)))
}

// word is text as one word of a command line, quoted where it has to be.
func word(text string) string {
	if plain.MatchString(text) {
		return text
	}
	return quote(text)
}

var plain = regexp.MustCompile(`^[\w@%+=:,./-]+$`)

// quote makes one word of text for a POSIX shell.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// showpieces are a resource that nobody in particular may read and one that asks
// for an account, nil where there is none. One with actions says most of what an
// API does.
func showpieces(set *rule.Set) (open, closed *rule.Resource) {
	now := value.TimestampOf(time.Now())
	nobody := set.View(&rule.Env{Now: now})
	better := func(best *rule.Resource, r *rule.Resource) *rule.Resource {
		if best == nil || len(best.Actions) == 0 && len(r.Actions) > 0 {
			return r
		}
		return best
	}
	for _, r := range set.Contract.Resources {
		sight := nobody.Resource(r.Name)
		switch {
		case sight == nil:
		case sight.Readable:
			open = better(open, sight.Resource)
		default:
			closed = better(closed, sight.Resource)
		}
	}
	return open, closed
}
