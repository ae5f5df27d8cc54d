package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mainstay-run/mainstay/internal/dbtest"
	"github.com/mainstay-run/mainstay/move"
	"github.com/mainstay-run/mainstay/server"
	"github.com/mainstay-run/mainstay/store"
)

const hiring = "../../examples/hiring"

// mainstay runs a command to its end.
func mainstay(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("mainstay", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("mainstay %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// filled is the URL of a SQLite database of the hiring example with its seed and n
// made-up records of each resource.
func filled(t *testing.T, n string) string {
	t.Helper()
	url := "sqlite:" + filepath.Join(t.TempDir(), "data.db")
	mainstay(t, "migrate", hiring, "--database", url)
	mainstay(t, "seed", hiring, "--database", url)
	mainstay(t, "seed", hiring, "--database", url, "--generate", n, "--number", "3")
	return url
}

// api is a running server of the hiring example.
type api struct {
	*program
	url string
}

func served(t *testing.T, database string) *api {
	t.Helper()
	env := []string{"MAINSTAY_DATABASE=" + database, "MAINSTAY_SECRET=0123456789abcdef0123456789abcdef"}
	p := launch(t, env, "serve", hiring, "--listen", "127.0.0.1:0", "--operator", "127.0.0.1:0")
	var started struct{ Listen string }
	if err := json.Unmarshal([]byte(p.await(t, `"msg":"serving"`)), &started); err != nil {
		t.Fatal(err)
	}
	return &api{p, "http://" + started.Listen + "/v1"}
}

// ask is one request; headers are "Name: value".
func (a *api) ask(t *testing.T, method, path, body string, headers ...string) (status int, header http.Header, answer string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, a.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(text)
}

// all is what a caller can tell apart of some answers: status, entity tag, links, body.
func (a *api) all(t *testing.T, paths []string, headers ...string) (answers []string) {
	t.Helper()
	for _, path := range paths {
		status, header, body := a.ask(t, "GET", path, "", headers...)
		if status != 200 {
			t.Fatalf("GET %s is %d: %s", path, status, body)
		}
		answers = append(answers, path+"\n"+header.Get("ETag")+"\n"+strings.ReplaceAll(header.Get("Link"), a.url, "")+"\n"+body)
	}
	return answers
}

// Who signed in before a move goes on after it, on every kind of database, and
// sees the same bytes.
func TestAMovedDatabaseAnswersTheSameBytes(t *testing.T) {
	kinds, absent := dbtest.Kinds()
	for _, reason := range absent {
		t.Log(reason)
	}
	database := filled(t, "40")
	first := served(t, database)
	_, _, body := first.ask(t, "POST", "/auth/login", `{"email":"recruiter@acme.example","password":"correct horse battery"}`)
	var session struct{ Token string }
	if err := json.Unmarshal([]byte(body), &session); err != nil || session.Token == "" {
		t.Fatalf("%v: %s", err, body)
	}
	token := "Authorization: Bearer " + session.Token
	_, _, body = first.ask(t, "POST", "/auth/keys", `{"name":"robot"}`, token)
	var made struct{ Key string }
	if err := json.Unmarshal([]byte(body), &made); err != nil || made.Key == "" {
		t.Fatalf("%v: %s", err, body)
	}
	_, _, page := first.ask(t, "GET", "/applications?limit=2&sort=-created_at", "", token)
	var list struct {
		Next  string
		Items []struct{ ID, Posting string }
	}
	if err := json.Unmarshal([]byte(page), &list); err != nil || list.Next == "" {
		t.Fatalf("%v: %s", err, page)
	}
	paths := []string{
		"/postings?limit=100&include=company", "/postings?search=developer&sort=title", "/applications?limit=2&sort=-created_at",
		"/applications?limit=2&sort=-created_at&cursor=" + list.Next, "/job-descriptions?limit=100", "/applications/" + list.Items[0].ID,
		"/postings/aggregate?by=location&measures=count,max:salary_max", "/auth/me", "/users?limit=100", "/companies?limit=100",
	}
	comment := func(a *api) string {
		status, _, body := a.ask(t, "PATCH", "/applications/"+list.Items[0].ID, `{"note":"moves"}`, token, "Idempotency-Key: 0198-once")
		if status != 200 {
			t.Fatalf("%d %s", status, body)
		}
		return body
	}
	once := comment(first)
	want := first.all(t, paths, token)
	first.stop(t)

	for _, to := range append(slices.Clone(kinds[1:]), kinds[0]) {
		next := to.URL(t)
		mainstay(t, "move", hiring, "--from", database, "--to", next)
		mainstay(t, "move", hiring, "--from", database, "--to", next, "--verify")
		database = next
		a := served(t, database)
		for name, header := range map[string]string{"session": token, "API key": "Authorization: Bearer " + made.Key} {
			for i, got := range a.all(t, paths, header) {
				if got != want[i] {
					t.Errorf("with the %s on %s:\n%s\nbefore:\n%s", name, to.Name, got, want[i])
				}
			}
		}
		if status, _, body := a.ask(t, "POST", "/auth/login", `{"email":"ann@example.org","password":"correct horse battery"}`); status != 200 && status != 201 {
			t.Errorf("signing in on %s is %d: %s", to.Name, status, body)
		}
		if got := comment(a); got != once {
			t.Errorf("a request with the idempotency key of before is, on %s,\n%s\nit was\n%s", to.Name, got, once)
		}
		a.stop(t)
	}
}

func TestABarTellsHowFarAMoveIs(t *testing.T) {
	now := time.Now()
	b := &bar{part: move.Progress{Part: "copy", Table: "postings", Done: 52_000, Of: 100_000}, since: now.Add(-2 * time.Second), from: 2000}
	want := "moving postings [============            ]  52 %  52000 of 100000, 25000 a second, 2s left"
	if got := b.line(now); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if got := b.line(b.since); strings.Contains(got, "second") {
		t.Errorf("nothing is known of its pace, but it says %q", got)
	}
}

// halfMove is a program that moves a database until it has brought companies, says
// so, and does nothing more.
func halfMove() {
	reached := func(p move.Progress) {
		if p.Part == "copy" && p.Table == "companies" {
			fmt.Println("half is there")
			told := make(chan os.Signal, 1)
			signal.Notify(told, os.Interrupt)
			<-told
		}
	}
	ctx, folder := context.Background(), os.Args[1]
	_, set, _ := server.Load(folder)
	var opened []store.Driver
	for _, url := range os.Args[2:] {
		at, err := parseDatabase(url)
		if err != nil {
			log.Fatal(err)
		}
		driver, err := at.open(ctx, false, nil)
		if err != nil {
			log.Fatal(err)
		}
		opened = append(opened, driver)
	}
	_, err := move.Run(ctx, opened[0], opened[1], set, move.Options{From: os.Args[2], Progress: reached})
	log.Fatal("it ran on: ", err)
}

// A move that is killed goes on where it was, and what it left is not served.
func TestAKilledMoveGoesOn(t *testing.T) {
	source := filled(t, "20")
	kinds, _ := dbtest.Kinds()
	for _, to := range kinds {
		t.Run(to.Name, func(t *testing.T) {
			target := to.URL(t)
			p := start(t, exec.Command("half-move", hiring, source, target))
			p.await(t, "half is there")
			p.cmd.Process.Kill()
			for range p.lines { // until it is gone
			}
			for _, command := range []string{"serve", "migrate", "plan"} {
				cmd := exec.Command("mainstay", command, hiring, "--database", target)
				cmd.Env = append(os.Environ(), "MAINSTAY_SECRET=0123456789abcdef0123456789abcdef")
				if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "is not finished; mainstay move goes on") {
					t.Errorf("%s takes half a move for a whole one: %v\n%s", command, err, out)
				}
			}
			var report struct {
				Resumed          bool
				Copied, Compared int64
			}
			if err := json.Unmarshal([]byte(mainstay(t, "move", hiring, "--from", source, "--to", target, "--json")), &report); err != nil {
				t.Fatal(err)
			}
			if !report.Resumed || report.Copied == 0 || report.Copied >= report.Compared {
				t.Errorf("%+v", report)
			}
			if out := mainstay(t, "move", hiring, "--from", source, "--to", target); !strings.Contains(out, "moved before") {
				t.Errorf("%s", out)
			}
		})
	}
}
