package main

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/mainstay-run/mainstay/bench/dataset"
)

// ask is what one request asks for; every system is asked the same things.
type ask struct {
	turn    int    // it is the n-th of its run
	job     string // an id
	changed string // S6: the id of a job that other asks change to something else
	salary  int
	page    int       // S4: the number of a page of 200 after deep
	caller  int       // S7, S8: a user
	company string    // S10: an id
	words   [2]string // S11
	several []string  // S12: the jobs of the applications
	number  int
}

// deep is how many rows lie before the pages of S4, and how many such pages there are.
func deep(size dataset.Size) (rows, pages int) {
	rows = size.Jobs / 2 / 200 * 200
	return rows, min(100, max(1, rows/200-1))
}

// deepest is the job before the page that is asked for.
func deepest(size dataset.Size, a ask) dataset.Job {
	before, _ := deep(size)
	return size.JobAt(size.Jobs - before - 200*a.page)
}

// asks are n requests that are the same in every run; seed makes others.
func asks(size dataset.Size, n int, seed uint64) []ask {
	r := rand.New(rand.NewPCG(seed, 0))
	_, pages := deep(size)
	out := make([]ask, n)
	for i := range out {
		first, second := r.IntN(dataset.Words), r.IntN(dataset.Words-1)
		if second >= first {
			second++
		}
		out[i] = ask{
			turn: i, job: dataset.JobID(r.IntN(size.Jobs)).String(), salary: 30_000 + 500*r.IntN(141),
			page: r.IntN(pages), caller: r.IntN(size.Users()), number: r.IntN(1_000_000_000),
			company: dataset.CompanyAt(r.IntN(size.Companies)).ID.String(), words: [2]string{dataset.Word(first), dataset.Word(second)},
		}
		for range 100 {
			out[i].several = append(out[i].several, dataset.JobID(r.IntN(size.Jobs)).String())
		}
	}
	for i := range out { // whose title a second ask with the same number would not change
		out[i].changed = out[i%max(1, n/3)].job
	}
	return out
}

// dialect is how a system spells the scenarios; what it has not is not asked of it.
type dialect map[string]func(a ask) message

// message is a request of HTTP.
type message struct {
	method, path, authorization, body string
	header                            string // whole lines more
}

func get(path string) message { return message{method: "GET", path: path} }

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

// batch is a body of many new applications.
func batch(a ask) string {
	var b strings.Builder
	b.WriteString(`{"operations":[`)
	for i, job := range a.several {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`{"create":` + application(ask{number: a.number + i}, job) + `}`)
	}
	b.WriteString("]}")
	return b.String()
}

const newest = "/v1/jobs?sort=-created_at&limit=20"

// alikeDialect is what Mainstay and the references spell alike.
func alikeDialect(tokens []string) dialect {
	return dialect{
		"S1": func(a ask) message { return get("/v1/jobs/" + a.job) },
		"S5": func(a ask) message {
			return message{method: "POST", path: "/v1/applications", body: application(a, a.job)}
		},
		"S6": func(a ask) message {
			return message{method: "PATCH", path: "/v1/jobs/" + a.changed, body: title(a)}
		},
		"S7": func(a ask) message {
			return message{method: "GET", path: newest + "&status=open", authorization: "Bearer " + tokens[a.caller]}
		},
		"S8": func(a ask) message {
			return message{method: "GET", path: "/v1/applications?sort=-id&limit=20", authorization: "Bearer " + tokens[a.caller]}
		},
		"S10": func(a ask) message {
			return get("/v1/jobs/aggregate?by=status&measures=count,avg:salary_min&company=" + a.company)
		},
		"S11": func(a ask) message { return get("/v1/profiles?limit=20&search=" + a.words[0] + "%20" + a.words[1]) },
		"S12": func(a ask) message {
			return message{method: "POST", path: "/v1/applications/batch", body: batch(a)}
		},
		"S13": func(ask) message { return get("/v1/jobs.ndjson") },
	}
}

// handDialect is that of the references.
func handDialect(size dataset.Size, tokens []string) dialect {
	d := alikeDialect(tokens)
	filtered := func(a ask) string { return fmt.Sprintf("%s&status=open&salary_min.gte=%d", newest, a.salary) }
	d["S2"] = func(a ask) message { return get(filtered(a)) }
	d["S3"] = func(a ask) message { return get(filtered(a) + "&include=company") }
	d["S9"] = func(a ask) message { return get(filtered(a) + "&include=applications") }
	d["S4"] = func(a ask) message {
		last := deepest(size, a)
		return get(fmt.Sprintf("%s&cursor=%d_%s", newest, last.CreatedAt, last.ID))
	}
	return d
}

// mainstayDialect is ours.
func mainstayDialect(tokens, cursors []string) dialect {
	d := alikeDialect(tokens)
	filtered := func(a ask) string {
		return fmt.Sprintf("%s&status=open&filter=salary_min%%20%%3E%%3D%%20%d", newest, a.salary)
	}
	d["S2"] = func(a ask) message { return get(filtered(a)) }
	d["S3"] = func(a ask) message { return get(filtered(a) + "&include=company") }
	d["S9"] = func(a ask) message { return get(filtered(a) + "&include=applications") }
	d["S4"] = func(a ask) message { return get(newest + "&cursor=" + cursors[a.page]) }
	return d
}
