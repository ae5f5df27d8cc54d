package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"github.com/mainstay-run/mainstay/bench/dataset"
)

// pocketbase is filled from the reference's database for SQLite.
func pocketbase(ctx context.Context, p *place, db *database) (*system, error) {
	return pocketbaseWith(ctx, p, db, "pocketbase")
}

// durablePocketbase has its writes on the disk when they are acknowledged, as Mainstay
// has, which PocketBase by itself has not.
func durablePocketbase(ctx context.Context, p *place, db *database) (*system, error) {
	s, err := pocketbaseWith(ctx, p, db, "pocketbase-full", "SYNCHRONOUS=full")
	return onlyWriting(s), err
}

func pocketbaseWith(ctx context.Context, p *place, db *database, name string, env ...string) (*system, error) {
	program, err := p.build(ctx, "peers/pocketbase", ".", "pocketbase")
	if err != nil {
		return nil, err
	}
	source, err := db.copied(ctx, name+"-source")
	if err != nil {
		return nil, err
	}
	folder, tokens := p.path(name), p.path(name+".tokens")
	if _, err := p.command(ctx, exec.CommandContext(ctx, program, "setup", source, tokens, "--dir", folder, "--dev=false")); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(tokens)
	if err != nil {
		return nil, err
	}
	addr, err := freeAddress()
	if err != nil {
		return nil, err
	}
	// It turns development mode on, which prints every statement, when its program
	// lies under the temporary folder.
	serve := exec.Command(program, "serve", "--dev=false", "--http", addr, "--dir", folder)
	serve.Env = append(os.Environ(), env...)
	running, err := p.start(name, syscall.SIGTERM, serve)
	if err != nil {
		return nil, err
	}
	d := pocketbaseDialect(db.size, strings.Fields(string(text)))
	return &system{addr: addr, dialect: d, program: running}, running.ready(ctx, answering("http://"+addr+"/api/health"))
}

// short is PocketBase's form of an id.
func short(id string) string { return strings.ReplaceAll(id, "-", "")[:15] }

// pocketbaseDialect asks without a total, as the others do.
func pocketbaseDialect(size dataset.Size, tokens []string) dialect {
	const (
		jobs = "/api/collections/jobs/records"
		page = "?perPage=20&skipTotal=1&sort=-created_at,-id"
		open = "status%3D%27open%27"
	)
	filtered := func(a ask) string {
		return fmt.Sprintf("%s%s&filter=%s%%20%%26%%26%%20salary_min%%3E%%3D%d", jobs, page, open, a.salary)
	}
	return dialect{
		"S1": func(a ask) message { return get(jobs + "/" + short(a.job)) },
		"S2": func(a ask) message { return get(filtered(a)) },
		"S3": func(a ask) message { return get(filtered(a) + "&expand=company") },
		"S4": func(a ask) message {
			before, _ := deep(size)
			return get(fmt.Sprintf("%s%s&page=%d", jobs, page, (before+200*a.page)/20+1))
		},
		"S5": func(a ask) message {
			return message{method: "POST", path: "/api/collections/applications/records", body: application(a, short(a.job))}
		},
		"S6": func(a ask) message {
			return message{method: "PATCH", path: jobs + "/" + short(a.changed), body: title(a)}
		},
		"S7": func(a ask) message {
			return message{method: "GET", path: "/api/collections/myjobs/records" + page + "&filter=" + open, authorization: tokens[a.caller]}
		},
	}
}
