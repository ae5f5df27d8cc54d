package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/spf13/cobra"

	dialect "github.com/mainstay-run/mainstay/api"
	"github.com/mainstay-run/mainstay/auth"
	"github.com/mainstay-run/mainstay/engine"
	"github.com/mainstay-run/mainstay/keyring"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/store"
)

func explainCommand(c *console) *cobra.Command {
	var url, as string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "explain 'GET /v1/…' [FOLDER]",
		Short: "Tell how a read comes to its answer, and which index is missing",
		Long: `Explain carries out a read and tells who asks, which rules and which of their
branches apply, each statement with the types of its parameters, what the
database's plan for it really took, and which indexes it used. It shows no value
of a record or of the request.

An index that is missing is told as a line of the contract. It was tried: on a
temporary copy of its table, which is gone afterwards, and it made the statement
cheaper. Tables of more than 200,000 records are not copied.

Without --database it looks at the one that dev keeps in FOLDER/.mainstay.`,
		Example: `  mainstay explain 'GET /v1/postings?status=open&sort=-opened_at' examples/hiring
  mainstay explain 'GET /v1/applications?include=candidate' --as ada@example.org
  mainstay explain 'GET /v1/companies' --json | jq -r '.advice[].line'`,
		Args: cobra.MatchAll(func(_ *cobra.Command, args []string) error {
			if len(args) == 0 || len(args) > 2 {
				return misuse("which request? Write it in quotes: mainstay explain 'GET /v1/…' [FOLDER]")
			}
			return nil
		}),
		RunE: func(cmd *cobra.Command, args []string) error {
			request, err := parseRequest(args[0])
			if err != nil {
				return err
			}
			folder := folder(args[1:])
			set, err := c.servable(folder)
			if err != nil {
				return err
			}
			db := kept(folder)
			if url != "" || db.missing() {
				if db, err = parseDatabase(url); err != nil {
					return err
				}
			}
			if db.missing() {
				return lacking(folder, db)
			}
			driver, err := db.open(cmd.Context(), true, nil)
			if err != nil {
				return err
			}
			found, err := explained(cmd.Context(), request, driver, set, folder, as)
			if err = errors.Join(err, driver.Close()); err != nil {
				return err
			}
			if asJSON {
				return c.json(found)
			}
			c.explanation(found)
			return nil
		},
	}
	cmd.Flags().StringVar(&url, "database", "", databaseUsage+"; dev's own when left out")
	cmd.Flags().StringVar(&as, "as", "", "e-mail address of the account that asks; nobody when left out")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object instead of lines")
	return cmd
}

// parseRequest reads "GET /v1/postings?…"; GET may be left out, and what stands in the
// query need not be encoded.
func parseRequest(text string) (*http.Request, error) {
	method, target, ok := strings.Cut(strings.TrimSpace(text), " ")
	if !ok || strings.HasPrefix(method, "/") {
		method, target = http.MethodGet, text
	}
	target = strings.TrimSpace(target)
	if method != http.MethodGet {
		return nil, misuse("only reads can be explained: GET, not %s", method)
	}
	path, query, asked := strings.Cut(target, "?")
	if asked {
		path += "?" + encoded(query)
	}
	r, err := http.NewRequest(method, path, http.NoBody)
	if err != nil || !strings.HasPrefix(path, "/") {
		return nil, misuse("%q is no request; write one such as 'GET /v1/postings?status=open'", text)
	}
	return r, nil
}

// encoded is a query string in which people may have written spaces, quotation marks,
// && and the like as they are.
func encoded(query string) string {
	var b strings.Builder
	for query = strings.ReplaceAll(query, "&&", "%26%26"); query != ""; query = query[1:] {
		if c := query[0]; c <= ' ' || c >= 0x7f || strings.IndexByte("\"<>\\^`{|}#", c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// explained asks the API itself, as the account as.
func explained(ctx context.Context, r *http.Request, driver store.Driver, set *rule.Set, folder, as string) (*engine.Explanation, error) {
	keys, err := explainingKeys(folder)
	if err != nil {
		return nil, err
	}
	e := engine.New(set, store.New(driver), keys, engine.Options{})
	who := auth.Nobody
	if as != "" {
		if who, err = e.Account(ctx, as); err != nil {
			return nil, err
		}
	}
	answer := &captured{header: http.Header{}}
	dialect.Explainer(e, who, set).ServeHTTP(answer, r.WithContext(ctx))
	if answer.status != http.StatusOK {
		var p struct {
			Detail string `json:"detail"`
			Errors []struct {
				Pointer   string `json:"pointer"`
				Parameter string `json:"parameter"`
				Detail    string `json:"detail"`
			} `json:"errors"`
		}
		if err := json.Unmarshal(answer.body.Bytes(), &p); err != nil {
			return nil, fmt.Errorf("the request is answered %d", answer.status)
		}
		text := p.Detail
		for _, f := range p.Errors {
			text += fmt.Sprintf("\n  %s%s %s", f.Pointer, f.Parameter, f.Detail)
		}
		if base := set.Contract.BasePath; answer.status == http.StatusNotFound && !strings.HasPrefix(r.URL.Path, base+"/") {
			text += fmt.Sprintf("; paths begin with %s: did you mean %s?", base, base+r.URL.Path)
		}
		return nil, fmt.Errorf("the request is answered %d: %s", answer.status, text)
	}
	found := &engine.Explanation{}
	return found, json.Unmarshal(answer.body.Bytes(), found)
}

// explainingKeys are those that sealed a cursor in the request: the installation's
// where they are known. Without a cursor any will do.
func explainingKeys(folder string) (*keyring.Ring, error) {
	if text, ok := os.LookupEnv("MAINSTAY_SECRET"); ok {
		return keyring.FromSecret([]byte(text))
	}
	if !kept(folder).missing() {
		return keyring.Open(home(folder))
	}
	var any [32]byte
	rand.Read(any[:])
	return keyring.FromSecret(any[:])
}

// captured keeps an answer.
type captured struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (c *captured) Header() http.Header { return c.header }

func (c *captured) WriteHeader(status int) {
	if c.status == 0 {
		c.status = status
	}
}

func (c *captured) Write(b []byte) (int, error) {
	c.WriteHeader(http.StatusOK)
	return c.body.Write(b)
}

// explanation prints how a read comes to its answer.
func (c *console) explanation(x *engine.Explanation) {
	who := "nobody"
	if x.Caller.Resource != "" {
		who = x.Caller.Resource + " " + x.Caller.ID
	}
	c.printf("%s %s\n", paint(c.out, bold, "caller"), who)
	for _, r := range x.Rules {
		c.printf("\n%s read: %s\n", paint(c.out, bold, r.Resource), r.Verdict)
		for _, b := range r.Branches {
			c.printf("  %-9s  %s\n", b.Verdict, b.Text)
		}
		if len(r.Hidden) > 0 {
			c.printf("  hidden     %s\n", strings.Join(r.Hidden, ", "))
		}
		if len(r.Masked) > 0 {
			c.printf("  masked     %s\n", strings.Join(r.Masked, ", "))
		}
	}
	for i, s := range x.Statements {
		c.printf("\n%s %s in %.3f ms\n", paint(c.out, bold, fmt.Sprintf("statement %d:", i+1)), count(s.Rows, "row"), s.Millis)
		c.block("", s.Tree)
		sql := strings.Split(s.SQL, "\n")
		if len(s.Parameters) > 0 {
			sql = append(sql, "parameters: "+strings.Join(s.Parameters, ", "))
		}
		c.block("sql", sql)
		c.block("plan", s.Plan)
		if len(s.Scans) > 0 {
			c.printf("  %s\n", paint(c.out, yellow, "reads all of "+strings.Join(s.Scans, ", ")))
		}
		if s.Sorts {
			c.printf("  %s\n", paint(c.out, yellow, "sorts what it found"))
		}
	}
	if x.Refused != "" {
		c.printf("\n%s %s\n", paint(c.out, bold, "answer"), x.Refused)
	}
	if len(x.Statements) == 0 {
		c.printf("\nno statement runs: the rules decide alone\n")
	}
	for _, a := range x.Advice {
		c.printf("\n%s in %s: %s\n", paint(c.out, bold, "advice"), a.Resource, paint(c.out, green, a.Line))
		c.printf("  tried on a copy: statement %d takes %.3f ms instead of %.3f; it %s\n", a.Statement, a.After, a.Before, a.Why)
	}
	for _, n := range x.Notes {
		c.printf("\nnote: %s\n", n)
	}
}

// block prints lines further in, under a word.
func (c *console) block(word string, lines []string) {
	if word != "" {
		c.printf("  %s\n", paint(c.out, faint, word))
	}
	for _, l := range lines {
		c.printf("    %s\n", l)
	}
}
