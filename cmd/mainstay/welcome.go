package main

import (
	"encoding/json"
	"fmt"
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
		lines = append(lines, "curl -s "+base+"/"+open.Path)
	}
	if len(accounts) == 0 {
		return append(lines, "curl -s "+strings.TrimSuffix(base, set.Contract.BasePath)+"/openapi.json")
	}
	read := "auth/me"
	if closed != nil {
		read = closed.Path
	}
	return append(lines,
		fmt.Sprintf(`TOKEN=$(curl -s %s/auth/login -H 'Content-Type: application/json' -d %s | sed 's/.*"token":"\([^"]*\)".*/\1/')`,
			base, quote(login(set, accounts[0]))),
		fmt.Sprintf(`curl -s %s/%s -H "Authorization: Bearer $TOKEN"`, base, read))
}

func login(set *rule.Set, a seed.Account) string {
	body, _ := json.Marshal(map[string]string{ // strings always encode
		set.Contract.Accounts.Email.Name: a.Email,
		"password":                       a.Password,
	})
	return string(body)
}

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
