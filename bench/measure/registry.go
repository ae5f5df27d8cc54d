package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/mainstay-run/mainstay/bench/dataset"
)

// What is measured is these three tables: a new scenario, database or system is a line
// in one of them.

// scenario is one kind of request.
type scenario struct {
	name, what  string
	writes      bool // measured after those that only read
	makes       bool // its answers hold ids and times that the server chose
	lines       bool // its answer is NDJSON
	mix         bool // it is made of others
	connections int  // 32 when 0
	long        bool // not with --short, unless a flag names it
}

var scenarios = []scenario{
	{name: "S1", what: "get a job by its id"},
	{name: "S2", what: "list of 20, filtered by status and salary, the newest first"},
	{name: "S3", what: "S2 with the company of each job"},
	{name: "S4", what: "20 jobs after half of all rows, the newest first"},
	{name: "S5", what: "create an application", writes: true, makes: true},
	{name: "S6", what: "change a job's title", writes: true},
	{name: "S7", what: "list of 20 under the rule `company == caller.company`"},
	{name: "S8", what: "the newest 20 applications under the rule `job.company.staff.exists(s, s == caller)`", long: true},
	{name: "S9", what: "S2 with the applications of each job", long: true},
	{name: "S10", what: "a company's jobs by status: how many, and their average salary", long: true},
	{name: "S11", what: "20 profiles that hold two words", long: true},
	{name: "S12", what: "a batch of 100 new applications, all or none", writes: true, makes: true, long: true},
	{name: "S13", what: "export of all jobs (100,000) as NDJSON, two at a time", lines: true, connections: 2, long: true},
	{name: "S14", what: "mixed: S1, S2, S3 for 80 of 100 requests, S5 and S6 for 20", writes: true, mix: true, long: true},
}

// mixed adds S14 to a dialect that has what it is made of.
func mixed(d dialect) dialect {
	turns := []string{"S1", "S2", "S3", "S1", "S5", "S2", "S3", "S1", "S2", "S6"}
	for _, name := range turns {
		if d[name] == nil {
			return d
		}
	}
	d["S14"] = func(a ask) message { return d[turns[a.turn%len(turns)]](a) }
	return d
}

// contender is a system. up fills tables on a database that is there and serves them.
type contender struct {
	name string
	on   string // databases
	peer bool   // when up fails, the run goes on and names the reason
	long bool   // not with --short, unless --against names it
	up   func(context.Context, *place, *database) (*system, error)
}

func (c contender) wanted(database string, against []string) bool {
	return slices.Contains(strings.Fields(c.on), database) && (c.name == mainstay || slices.Contains(against, c.name))
}

// contenders are in the order of the tables.
var contenders = []contender{
	{name: mainstay, on: "postgresql sqlite mariadb mongodb", up: ours},
	{name: byHand, on: "postgresql sqlite mariadb", up: reference},
	{name: bySureHand, on: "postgresql sqlite mariadb", up: sureReference},
	{name: byLoneHand, on: "sqlite", long: true, up: loneReference},
	{name: "pocketbase", on: "sqlite", peer: true, up: pocketbase},
	{name: "pocketbase, synchronous full", on: "sqlite", peer: true, long: true, up: durablePocketbase},
	{name: "directus", on: "postgresql", peer: true, long: true, up: directus},
	{name: "parse", on: "postgresql", peer: true, long: true, up: parse},
	{name: "fastify", on: "postgresql", peer: true, long: true, up: framework("fastify", nil)},
	{name: "django", on: "postgresql", peer: true, long: true, up: framework("django", djangoSpelling)},
	{name: "fastapi", on: "postgresql", peer: true, long: true, up: framework("fastapi", nil)},
	{name: "spring", on: "postgresql", peer: true, long: true, up: framework("spring", springSpelling)},
}

const (
	mainstay = "mainstay"
	byHand   = "hand-written"
	// bySureHand has Mainstay's guarantees; only its writes differ, so they alone are asked.
	bySureHand = "hand-written, same guarantees"
	// byLoneHand commits each write by itself.
	byLoneHand = "hand-written, one commit each"
)

// servers start the databases.
var servers = []struct {
	name string
	up   func(context.Context, *place, dataset.Size) (*database, error)
	long bool // not with --short, unless a flag names it
}{
	{name: "postgresql", up: onPostgreSQL},
	{name: "sqlite", up: inFiles},
	{name: "mariadb", up: onMariaDB},
	{name: "mongodb", up: onStandIn, long: true},
}

// choice is what a run measures of all this.
type choice struct {
	databases []string
	against   []string
	scenarios map[string][]string // by database, in the order of the tables
}

// chosen reads the flags. Whatever they name must be there.
func (o options) chosen() (*choice, error) {
	databases, usual := offered(o.short, servers, func(i int) (string, bool) { return servers[i].name, servers[i].long })
	names, usualNames := offered(o.short, scenarios, func(i int) (string, bool) { return scenarios[i].name, scenarios[i].long })
	rivals, usualRivals := offered(o.short, contenders, func(i int) (string, bool) { return contenders[i].name, contenders[i].long })
	against, err := among("system", o.against, rivals[1:], usualRivals[1:])
	if err != nil {
		return nil, err
	}
	wanted := map[string][]string{}
	for pair := range strings.SplitSeq(o.only, ",") {
		database, name, _ := strings.Cut(pair, "/")
		some, err := among("database", database, databases, usual)
		if err != nil {
			return nil, err
		}
		more, err := among("scenario", name, names, usualNames)
		if err != nil {
			return nil, err
		}
		for _, db := range some {
			wanted[db] = append(wanted[db], more...)
		}
	}
	c := &choice{against: against, scenarios: map[string][]string{}}
	for _, db := range databases {
		if len(wanted[db]) == 0 {
			continue
		}
		c.databases = append(c.databases, db)
		for _, name := range names {
			if slices.Contains(wanted[db], name) {
				c.scenarios[db] = append(c.scenarios[db], name)
			}
		}
	}
	return c, nil
}

// offered are the names in a table, and those that a run takes without being asked.
func offered[T any](short bool, table []T, at func(int) (name string, long bool)) (all, usual []string) {
	for i := range table {
		name, long := at(i)
		all = append(all, name)
		if !long || !short {
			usual = append(usual, name)
		}
	}
	return all, usual
}

// among are the names in a list with commas, which must all be known; the usual ones
// without a list. A name may hold a comma itself.
func among(what, list string, known, usual []string) ([]string, error) {
	if list == "" {
		return usual, nil
	}
	var out []string
	for rest := list; rest != ""; {
		found := ""
		for _, name := range known {
			if (rest == name || strings.HasPrefix(rest, name+",")) && len(name) > len(found) {
				found = name
			}
		}
		if found == "" {
			return nil, fmt.Errorf("there is no %s as in %q, only %s", what, rest, strings.Join(known, "; "))
		}
		out = append(out, found)
		rest = strings.TrimPrefix(rest[len(found):], ",")
	}
	return out, nil
}

// scenarioNamed is a line of the table; growth measures others, too.
func scenarioNamed(name string) scenario {
	for _, s := range scenarios {
		if s.name == name {
			return s
		}
	}
	return scenario{name: name}
}

func isPeer(name string) bool {
	return slices.ContainsFunc(contenders, func(c contender) bool { return c.name == name && c.peer })
}
