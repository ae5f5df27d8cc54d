package main

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mainstay-run/mainstay/bench/load"
)

// figure is one system in one round of one scenario.
type figure struct {
	Database, Scenario, System string
	Round                      int
	Processor                  float64 // seconds per 1,000 requests, server and database
	InDatabase                 float64 // what of it the database's own processes took
	PerSecond                  float64
	P50, P99                   float64 // milliseconds
	Resident                   int64   // bytes of the server
	Statements                 float64 // per request; 0 where it is not known
	Bytes                      float64 // per answer
}

// effort is how long to measure.
type effort struct {
	rounds        int
	warm, measure time.Duration
}

// failure is a system that did not get through a scenario, and why.
type failure struct{ database, scenario, system, reason string }

// measured runs one scenario on all systems of a database that have messages for it,
// round by round: what the machine does meanwhile hits all of them alike. A system that
// fails is left out from then on, and of what it gave nothing counts.
func measured(db *database, scenario string, messages [][][]byte, e effort) ([]figure, []failure) {
	var out []figure
	var failed []failure
	for round := range e.rounds {
		for i, s := range db.systems {
			if len(messages[i]) == 0 {
				continue
			}
			now := effort{measure: e.measure}
			if round == 0 {
				now.warm = max(e.warm, s.warm)
			}
			f, err := s.figure(messages[i], scenarioNamed(scenario).connections, now)
			if err != nil {
				failed = append(failed, failure{db.name, scenario, s.name, err.Error()})
				progress("%s %s: %s fails: %s\n%s", db.name, scenario, s.name, err, tail(s.program.log))
				messages[i] = nil
				out = slices.DeleteFunc(out, func(f figure) bool { return f.System == s.name })
				continue
			}
			f.Database, f.Scenario, f.System, f.Round = db.name, scenario, s.name, round+1
			out = append(out, *f)
		}
	}
	return out, failed
}

func (s *system) figure(messages [][]byte, connections int, e effort) (*figure, error) {
	plan := load.Plan{Addr: s.addr, Requests: messages, Connections: connections, Duration: e.warm}
	if e.warm > 0 {
		if _, err := load.Run(plan); err != nil {
			return nil, err
		}
	}
	statements, err := s.count()
	if err != nil {
		return nil, err
	}
	plan.Duration = e.measure
	before, beforeStored := s.spent()
	r, err := load.Run(plan)
	if err != nil {
		return nil, err
	}
	after, afterStored := s.spent()
	if r.Failed > 0 {
		return nil, fmt.Errorf("%d of %d answers are errors: %s", r.Failed, r.Requests, r.Fault)
	}
	more, err := s.count()
	if err != nil {
		return nil, err
	}
	n := float64(r.Requests)
	return &figure{
		Processor:  (after - before + afterStored - beforeStored) / n * 1000,
		InDatabase: (afterStored - beforeStored) / n * 1000,
		PerSecond:  n / r.Took.Seconds(),
		P50:        float64(r.P50.Microseconds()) / 1000, P99: float64(r.P99.Microseconds()) / 1000,
		Resident:   spent(s.program.pid()).resident,
		Statements: (more - statements) / n,
		Bytes:      float64(r.Bytes) / n,
	}, nil
}

// spent is the processor time, in seconds, of the server and of its database until now.
func (s *system) spent() (server, database float64) {
	if s.database != nil {
		database = spent(s.database.pid()).processor
	}
	return spent(s.program.pid()).processor, database
}

func (s *system) count() (float64, error) {
	if s.statements == nil {
		return 0, nil
	}
	return s.statements()
}

// most is how many bytes of requests are made ready for a system.
const most = 16 << 20

// messages are the requests of a scenario for each system, ready to be sent; none for
// a system that does not have it.
func messages(db *database, scenario string, asks []ask) [][][]byte {
	out := make([][][]byte, len(db.systems))
	for i, s := range db.systems {
		request := s.dialect[scenario]
		if request == nil {
			continue
		}
		for size, k := 0, 0; k < len(asks) && size < most; k++ {
			out[i] = append(out[i], request(asks[k]).bytes(s.addr))
			size += len(out[i][k])
		}
	}
	return out
}

// median of what f tells of the figures.
func median(figures []figure, f func(figure) float64) float64 {
	var v []float64
	for _, one := range figures {
		v = append(v, f(one))
	}
	return middle(v)
}

func middle(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	slices.Sort(v)
	return (v[len(v)/2] + v[(len(v)-1)/2]) / 2
}

// asError is nil when nothing has failed.
func asError(failed []failure) error {
	var all []error
	for _, f := range failed {
		all = append(all, fmt.Errorf("%s on %s, %s: %s", f.system, f.database, f.scenario, f.reason))
	}
	return errors.Join(all...)
}
