package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/mainstay-run/mainstay/bench/dataset"
	"github.com/mainstay-run/mainstay/bench/hand"
)

// parse sets up Parse Server: its classes by its own requests, its records by SQL from
// the reference's tables in the same database. MyJob is a copy of Job whose records only
// the role of their company may read, for S7.
func parse(ctx context.Context, p *place, db *database) (*system, error) {
	q, err := p.prepared(ctx, "parse", db)
	if err != nil {
		return nil, err
	}
	many := slices.Clone(q.env)
	q.env = append(q.env, "WORKERS=1") // what one worker adds to the schema, others see late
	running, err := q.serve(ctx, p, "parse")
	if err != nil {
		return nil, err
	}
	if err := running.ready(ctx, answering("http://"+q.addr+"/parse/health")); err != nil {
		return nil, err
	}
	tokens, err := q.classes(ctx, db.size)
	running.stop()
	if err != nil {
		return nil, err
	}
	q.env = many
	if running, err = q.serve(ctx, p, "parse"); err != nil {
		return nil, err
	}
	s := &system{addr: q.addr, dialect: parseDialect(db.size, tokens), program: running, brief: true}
	return s, running.ready(ctx, answering("http://"+q.addr+"/parse/health"))
}

const (
	parseRules = `"classLevelPermissions":{"find":{"*":true},"get":{"*":true},"count":{"*":true},"create":{"*":true},"update":{"*":true},"delete":{}}`
	parseJob   = `"company":{"type":"Pointer","targetClass":"Company"},"title":{"type":"String"},"body":{"type":"String"},"status":{"type":"String"},"skills":{"type":"Array"},"salary_min":{"type":"Number"},"opens_at":{"type":"Date"},"created_at":{"type":"Date"}`
)

var parseClasses = [][2]string{
	{"Company", `"name":{"type":"String"},"country":{"type":"String"},"size":{"type":"Number"},"created_at":{"type":"Date"}`},
	{"Job", parseJob},
	{"MyJob", parseJob},
	{"Application", `"job":{"type":"Pointer","targetClass":"Job"},"candidate_name":{"type":"String"},"email":{"type":"String"},"stage":{"type":"String"}`},
}

// parseRecords copies the records, with ids of Parse's form.
const parseRecords = `
CREATE FUNCTION pg_temp.short(id uuid) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT substr(replace(id::text, '-', ''), 1, 15) $$;
INSERT INTO "Company" ("objectId", "createdAt", "updatedAt", name, country, size, created_at, _rperm, _wperm)
	SELECT pg_temp.short(id), created_at, created_at, name, country, size, created_at, '{*}', '{*}' FROM companies;
INSERT INTO "Job" ("objectId", "createdAt", "updatedAt", company, title, body, status, skills, salary_min, opens_at, created_at, _rperm, _wperm)
	SELECT pg_temp.short(id), created_at, created_at, pg_temp.short(company), title, body, status, skills, salary_min, opens_at, created_at, '{*}', '{*}' FROM jobs;
INSERT INTO "MyJob" ("objectId", "createdAt", "updatedAt", company, title, body, status, skills, salary_min, opens_at, created_at, _rperm, _wperm)
	SELECT pg_temp.short(id), created_at, created_at, pg_temp.short(company), title, body, status, skills, salary_min, opens_at, created_at, ARRAY['role:c' || pg_temp.short(company)], '{}' FROM jobs;
INSERT INTO "Application" ("objectId", "createdAt", "updatedAt", job, candidate_name, email, stage, _rperm, _wperm)
	SELECT pg_temp.short(id), created_at, created_at, pg_temp.short(job), candidate_name, email, stage, '{*}', '{*}' FROM applications;
CREATE INDEX ON "Job" (created_at DESC);
CREATE INDEX ON "Job" (status, created_at DESC);
CREATE INDEX ON "MyJob" (status, created_at DESC);
CREATE INDEX ON "MyJob" USING gin (_rperm);
CREATE INDEX ON "Application" (job);`

func (q *peerProgram) classes(ctx context.Context, size dataset.Size) (tokens []string, err error) {
	for _, c := range parseClasses {
		if _, err := q.parseCall("/schemas/"+c[0], fmt.Sprintf(`{"className":%q,%s,"fields":{%s}}`, c[0], parseRules, c[1])); err != nil {
			return nil, err
		}
	}
	c, err := pgx.Connect(ctx, q.url)
	if err != nil {
		return nil, err
	}
	defer c.Close(ctx)
	for _, text := range []string{parseRecords, "VACUUM ANALYZE"} {
		if _, err := c.Exec(ctx, text); err != nil {
			return nil, err
		}
	}
	for r := range dataset.Each(size.Users(), dataset.UserAt) {
		user, err := q.parseCall("/users", fmt.Sprintf(`{"username":%q,"password":"password123"}`, r.Email))
		if err != nil {
			return nil, err
		}
		if _, err := q.parseCall("/roles", fmt.Sprintf(`{"name":"c%s","ACL":{"*":{"read":true}},"users":{"__op":"AddRelation","objects":[{"__type":"Pointer","className":"_User","objectId":%q}]}}`,
			short(r.Company.String()), user.ObjectID)); err != nil {
			return nil, err
		}
		tokens = append(tokens, user.SessionToken)
	}
	return tokens, nil
}

const parseHeader = "X-Parse-Application-Id: bench\r\n"

type parseAnswer struct{ ObjectID, SessionToken string }

func (q *peerProgram) parseCall(path, body string) (a parseAnswer, err error) {
	m := message{method: "POST", path: "/parse" + path, body: body, header: parseHeader}
	if !strings.HasPrefix(path, "/users") {
		m.header += "X-Parse-Master-Key: " + hand.Secret + "\r\n"
	}
	answer, err := m.sent(q.addr)
	if err != nil {
		return a, fmt.Errorf("%s: %w", path, err)
	}
	defer answer.Close()
	return a, json.NewDecoder(answer).Decode(&a)
}

func parseDialect(size dataset.Size, tokens []string) dialect {
	const (
		jobs = "/parse/classes/Job"
		list = "?limit=20&order=-created_at"
	)
	read := func(path string) message { return message{method: "GET", path: path, header: parseHeader} }
	where := func(text string) string { return "&where=" + url.QueryEscape(text) }
	paying := func(a ask) string { return where(fmt.Sprintf(`{"status":"open","salary_min":{"$gte":%d}}`, a.salary)) }
	return dialect{
		"S1": func(a ask) message { return read(jobs + "/" + short(a.job)) },
		"S2": func(a ask) message { return read(jobs + list + paying(a)) },
		"S3": func(a ask) message { return read(jobs + list + "&include=company" + paying(a)) },
		"S4": func(a ask) message {
			before, _ := deep(size)
			return read(fmt.Sprintf("%s%s&skip=%d", jobs, list, before+200*a.page))
		},
		"S5": func(a ask) message {
			job := fmt.Sprintf(`{"__type":"Pointer","className":"Job","objectId":%q}`, short(a.job))
			body := strings.Replace(application(a, ""), `"job":""`, `"job":`+job, 1)
			return message{method: "POST", path: "/parse/classes/Application", body: body, header: parseHeader}
		},
		"S6": func(a ask) message {
			return message{method: "PUT", path: jobs + "/" + short(a.job), body: title(a), header: parseHeader}
		},
		"S7": func(a ask) message {
			m := read("/parse/classes/MyJob" + list + where(`{"status":"open"}`))
			m.header += "X-Parse-Session-Token: " + tokens[a.caller] + "\r\n"
			return m
		},
	}
}
