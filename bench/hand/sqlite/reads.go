package main

import (
	"context"
	"maps"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/mainstay-run/mainstay/bench/hand"
)

const received = `a.id, a.job, a.candidate_name, a.email, a.stage, a.created_at`

func init() {
	maps.Copy(statements, map[string]string{
		// The company's jobs first: from the applications' end, most rows would be somebody else's.
		"inbox":  `SELECT ` + received + ` FROM jobs j CROSS JOIN applications a ON a.job = j.id WHERE j.company = (SELECT company FROM users WHERE id = ?1) ORDER BY a.id DESC LIMIT 20`,
		"nested": `SELECT ` + received + ` FROM applications a WHERE job = ?1 ORDER BY a.id`,
		"groups": `SELECT status, count(*), sum(salary_min) FROM jobs WHERE company = ?1 GROUP BY status`,
		"search": `SELECT p.id, p.headline, p.created_at FROM profile_words w JOIN profiles p ON p.rowid = w.rowid WHERE profile_words MATCH ?1 ORDER BY p.id LIMIT 20`,
		"export": `SELECT ` + job + ` FROM jobs j ORDER BY id`,
	})
}

// read runs a statement on a reader that is free.
func (b *backend) read(name string, args []any, each func(row)) error {
	c := <-b.readers
	_, err := c.run(name, args, each)
	b.readers <- c
	return err
}

// page appends a page of what each appends.
func (b *backend) page(name string, args []any, dst []byte, each func([]byte, row) []byte) ([]byte, int) {
	dst = append(dst, `{"items":[`...)
	some := false
	if err := b.read(name, args, func(r row) {
		if some {
			dst = append(dst, ',')
		}
		dst, some = each(dst, r), true
	}); err != nil {
		return refused(dst[:0], err)
	}
	return append(dst, "]}"...), 200
}

func (b *backend) Inbox(_ context.Context, user string, dst []byte) ([]byte, int) {
	key, _ := hand.ParseID(user)
	return b.page("inbox", []any{key}, dst, hand.AppendReceived)
}

func (b *backend) Search(_ context.Context, text string, dst []byte) ([]byte, int) {
	words := strings.Fields(text)
	for i, w := range words {
		words[i] = `"` + strings.ReplaceAll(w, `"`, `""`) + `"`
	}
	return b.page("search", []any{strings.Join(words, " ")}, dst, hand.AppendProfile)
}

// nested asks for each job's applications while the jobs are read: there is no way to
// the database that would be saved by asking once.
func (b *backend) nested(args []any, dst []byte) ([]byte, int) {
	var at int64
	var last []byte
	var broken error
	dst = append(dst, `{"items":[`...)
	c := <-b.readers
	_, err := c.run("list", args, func(r row) {
		if last != nil {
			dst = append(dst, ',')
		}
		dst = hand.AppendJob(dst, r, false)
		at, last = r.Int(8), append(last[:0], r.Text(0)...)
		dst = append(dst[:len(dst)-1], `,"applications":[`...)
		some := false
		if _, err := c.run("nested", []any{last}, func(r row) {
			if some {
				dst = append(dst, ',')
			}
			dst, some = hand.AppendReceived(dst, r), true
		}); err != nil {
			broken = err
		}
		dst = append(dst, "]}"...)
	})
	b.readers <- c
	if broken != nil {
		err = broken
	}
	if err != nil {
		return refused(dst[:0], err)
	}
	return hand.AppendNext(dst, at, last), 200
}

func (b *backend) ByStatus(_ context.Context, company string, dst []byte) ([]byte, int) {
	key, ok := hand.ParseID(company)
	if !ok {
		return append(dst, `{"title":"bad id"}`...), 400
	}
	groups := map[string]hand.Group{}
	if err := b.read("groups", []any{key}, func(r row) {
		groups[string(r.Text(0))] = hand.Group{Count: r.Int(1), Sum: r.Int(2)}
	}); err != nil {
		return refused(dst, err)
	}
	return hand.AppendGroups(dst, groups), 200
}

func (b *backend) Export(_ context.Context, dst []byte, flush func([]byte) ([]byte, error)) error {
	var broken error
	err := b.read("export", nil, func(r row) {
		if broken != nil {
			return
		}
		dst = append(hand.AppendJob(dst, r, false), '\n')
		if len(dst) >= hand.Piece {
			dst, broken = flush(dst)
		}
	})
	if err == nil && broken == nil {
		_, err = flush(dst)
	}
	if broken != nil {
		return broken
	}
	return err
}

func (b *backend) CreateAll(_ context.Context, in []hand.Application, dst []byte) ([]byte, int) {
	now := time.Now().UnixMilli()
	ids := make([][]byte, len(in))
	w := &write{name: "create", several: make([][]any, len(in))}
	for i := range in {
		id, _ := uuid.NewV7()
		key, ok := hand.ParseID(in[i].Job)
		if !ok {
			return append(dst, `{"title":"bad id"}`...), 400
		}
		ids[i] = id[:]
		w.several[i] = []any{ids[i], key, in[i].CandidateName, in[i].Email, "new", now}
	}
	b.write(w)
	if w.err != nil {
		return refused(dst, w.err)
	}
	return hand.AppendCreated(dst, ids, in, now), 201
}

// all runs a write's statement for each of its rows, or undoes what it did.
func (c *conn) all(w *write) error {
	if err := c.simple("SAVEPOINT several"); err != nil {
		return err
	}
	for _, args := range w.several {
		if _, err := c.run(w.name, args, nil); err != nil {
			if undone := c.simple("ROLLBACK TO several"); undone != nil {
				return undone
			}
			c.simple("RELEASE several")
			return err
		}
	}
	return c.simple("RELEASE several")
}
