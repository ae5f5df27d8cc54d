package main

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/mainstay-run/mainstay/bench/dataset"
)

// scenario is one kind of request.
type scenario struct {
	name, what string
	writes     bool
}

var scenarios = []scenario{
	{"S1", "get a job by its id", false},
	{"S2", "list of 20, filtered and sorted", false},
	{"S3", "the same with the company of each", false},
	{"S4", "list of 20 after half of all rows", false},
	{"S5", "create an application", true},
	{"S6", "change a job's title", true},
	{"S7", "list of 20 under a rule on the row", false},
}

// ask is what one request asks for; every system is asked the same things.
type ask struct {
	job    string // an id
	salary int
	page   int // S4: the number of a page of 200 after deep
	caller int // S7: a company among the first callers
	number int
}

const callers = 40

// deep is how many rows lie before the pages of S4, and how many such pages there are.
func deep(size dataset.Size) (rows, pages int) {
	rows = size.Jobs / 2 / 200 * 200
	return rows, min(100, max(1, rows/200-1))
}

// asks are n requests that are the same in every run; seed makes others.
func asks(size dataset.Size, n int, seed uint64) []ask {
	r := rand.New(rand.NewPCG(seed, 0))
	_, pages := deep(size)
	out := make([]ask, n)
	for i := range out {
		out[i] = ask{
			job: dataset.JobID(r.IntN(size.Jobs)).String(), salary: 30_000 + 500*r.IntN(141),
			page: r.IntN(pages), caller: r.IntN(min(callers, size.Companies)), number: r.IntN(1_000_000_000),
		}
	}
	return out
}

// dialect is how a system spells a scenario.
type dialect interface {
	request(scenario string, a ask) message
}

// message is a request of HTTP.
type message struct {
	method, path, authorization, body string
	header                            string // whole lines more
}

// bytes is the message as it goes over the wire.
func (m message) bytes(host string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n%s", m.method, m.path, host, m.header)
	if m.authorization != "" {
		fmt.Fprintf(&b, "Authorization: %s\r\n", m.authorization)
	}
	if m.body != "" {
		fmt.Fprintf(&b, "Content-Type: application/json\r\nContent-Length: %d\r\n", len(m.body))
	}
	b.WriteString("\r\n" + m.body)
	return []byte(b.String())
}

func title(a ask) string { return fmt.Sprintf(`{"title":"Senior Engineer %d"}`, a.number) }

func application(a ask, job string) string {
	return fmt.Sprintf(`{"job":%q,"candidate_name":"Candidate %d","email":"c%d@example.org","stage":"new"}`, job, a.number, a.number)
}

// handDialect is that of the references.
type handDialect struct {
	size   dataset.Size
	tokens []string
}

func (d *handDialect) request(scenario string, a ask) message {
	const list = "/v1/jobs?sort=-created_at&limit=20"
	filtered := fmt.Sprintf("%s&status=open&salary_min.gte=%d", list, a.salary)
	switch scenario {
	case "S1":
		return message{method: "GET", path: "/v1/jobs/" + a.job}
	case "S2":
		return message{method: "GET", path: filtered}
	case "S3":
		return message{method: "GET", path: filtered + "&include=company"}
	case "S4":
		before, _ := deep(d.size)
		last := d.size.JobAt(d.size.Jobs - before - 200*a.page)
		return message{method: "GET", path: fmt.Sprintf("%s&cursor=%d_%s", list, last.CreatedAt, last.ID)}
	case "S5":
		return message{method: "POST", path: "/v1/applications", body: application(a, a.job)}
	case "S6":
		return message{method: "PATCH", path: "/v1/jobs/" + a.job, body: title(a)}
	case "S7":
		return message{method: "GET", path: list + "&status=open", authorization: "Bearer " + d.tokens[a.caller]}
	}
	panic("no scenario " + scenario)
}

// mainstayDialect is ours.
type mainstayDialect struct{ tokens, cursors []string }

func (d *mainstayDialect) request(scenario string, a ask) message {
	const list = "/v1/jobs?sort=-created_at&limit=20"
	filtered := fmt.Sprintf("%s&status=open&filter=salary_min%%20%%3E%%3D%%20%d", list, a.salary)
	switch scenario {
	case "S1":
		return message{method: "GET", path: "/v1/jobs/" + a.job}
	case "S2":
		return message{method: "GET", path: filtered}
	case "S3":
		return message{method: "GET", path: filtered + "&include=company"}
	case "S4":
		return message{method: "GET", path: list + "&cursor=" + d.cursors[a.page]}
	case "S5":
		return message{method: "POST", path: "/v1/applications", body: application(a, a.job)}
	case "S6":
		return message{method: "PATCH", path: "/v1/jobs/" + a.job, body: title(a)}
	case "S7":
		return message{method: "GET", path: list + "&status=open", authorization: "Bearer " + d.tokens[a.caller]}
	}
	panic("no scenario " + scenario)
}

// pocketbaseDialect asks without a total, as the others do.
type pocketbaseDialect struct {
	size   dataset.Size
	tokens []string
}

// short is PocketBase's form of an id.
func short(id string) string { return strings.ReplaceAll(id, "-", "")[:15] }

func (d *pocketbaseDialect) request(scenario string, a ask) message {
	const (
		jobs = "/api/collections/jobs/records"
		page = "?perPage=20&skipTotal=1&sort=-created_at,-id"
		open = "status%3D%27open%27"
	)
	filtered := fmt.Sprintf("%s%s&filter=%s%%20%%26%%26%%20salary_min%%3E%%3D%d", jobs, page, open, a.salary)
	switch scenario {
	case "S1":
		return message{method: "GET", path: jobs + "/" + short(a.job)}
	case "S2":
		return message{method: "GET", path: filtered}
	case "S3":
		return message{method: "GET", path: filtered + "&expand=company"}
	case "S4":
		before, _ := deep(d.size)
		return message{method: "GET", path: fmt.Sprintf("%s%s&page=%d", jobs, page, (before+200*a.page)/20+1)}
	case "S5":
		return message{method: "POST", path: "/api/collections/applications/records", body: application(a, short(a.job))}
	case "S6":
		return message{method: "PATCH", path: jobs + "/" + short(a.job), body: title(a)}
	case "S7":
		return message{method: "GET", path: "/api/collections/myjobs/records" + page + "&filter=" + open, authorization: d.tokens[a.caller]}
	}
	panic("no scenario " + scenario)
}
