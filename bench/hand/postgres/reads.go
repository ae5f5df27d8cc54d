package main

import (
	"context"
	"encoding/binary"
	"time"

	"github.com/google/uuid"

	"github.com/mainstay-run/mainstay/bench/hand"
)

const received = `a.id, a.job, a.candidate_name, a.email, a.stage, a.created_at`

var more = map[string]string{
	"inbox":   `SELECT ` + received + ` FROM applications a JOIN jobs j ON j.id = a.job WHERE j.company = (SELECT company FROM users WHERE id = $1) ORDER BY a.id DESC LIMIT 20`,
	"nested":  `SELECT ` + received + ` FROM applications a WHERE job = ANY ($1::uuid[]) ORDER BY a.id`,
	"groups":  `SELECT status, count(*), sum(salary_min) FROM jobs WHERE company = $1 GROUP BY status`,
	"search":  `SELECT id, headline, created_at FROM profiles WHERE words @@ plainto_tsquery('simple', $1) ORDER BY id LIMIT 20`,
	"export":  `SELECT ` + job + ` FROM jobs j ORDER BY id`,
	"several": `INSERT INTO applications (id, job, candidate_name, email, stage, created_at) SELECT i, j, n, e, 'new', $5 FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[]) AS new (i, j, n, e)`,
}

// page appends a page of what each appends.
func (b *backend) page(ctx context.Context, name string, args [][]byte, dst []byte, each func([]byte, row) []byte) ([]byte, int) {
	dst = append(dst, `{"items":[`...)
	some := false
	_, err := b.run(ctx, name, args, func(r row) {
		if some {
			dst = append(dst, ',')
		}
		dst, some = each(dst, r), true
	})
	if err != nil {
		return refused(dst[:0], err)
	}
	return append(dst, "]}"...), 200
}

func (b *backend) Inbox(ctx context.Context, user string, dst []byte) ([]byte, int) {
	key, _ := hand.ParseID(user)
	return b.page(ctx, "inbox", [][]byte{key}, dst, hand.AppendReceived)
}

func (b *backend) Search(ctx context.Context, text string, dst []byte) ([]byte, int) {
	return b.page(ctx, "search", [][]byte{[]byte(text)}, dst, hand.AppendProfile)
}

// nested reads a page of jobs, then the applications of all of them.
func (b *backend) nested(ctx context.Context, args [][]byte, dst []byte) ([]byte, int) {
	var n hand.Nested
	var at int64
	if _, err := b.run(ctx, "list", args, func(r row) {
		n.Job(r)
		at = r.Int(8)
	}); err != nil {
		return refused(dst, err)
	}
	if len(n.IDs) == 0 {
		return append(dst, `{"items":[]}`...), 200
	}
	if _, err := b.run(ctx, "nested", [][]byte{array(uuidType, n.IDs)}, func(r row) { n.Application(r) }); err != nil {
		return refused(dst, err)
	}
	dst = n.Append(append(dst, `{"items":[`...))
	return hand.AppendNext(dst, at, n.IDs[len(n.IDs)-1]), 200
}

func (b *backend) ByStatus(ctx context.Context, company string, dst []byte) ([]byte, int) {
	key, ok := hand.ParseID(company)
	if !ok {
		return append(dst, `{"title":"bad id"}`...), 400
	}
	groups := map[string]hand.Group{}
	if _, err := b.run(ctx, "groups", [][]byte{key}, func(r row) {
		groups[string(r[0])] = hand.Group{Count: int64(binary.BigEndian.Uint64(r[1])), Sum: int64(binary.BigEndian.Uint64(r[2]))}
	}); err != nil {
		return refused(dst, err)
	}
	return hand.AppendGroups(dst, groups), 200
}

func (b *backend) Export(ctx context.Context, dst []byte, flush func([]byte) ([]byte, error)) error {
	var broken error
	_, err := b.run(ctx, "export", nil, func(r row) {
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

// The numbers of types.
const (
	uuidType = 2950
	textType = 25
)

// array is a list of values as PostgreSQL reads it.
func array[T ~[]byte | ~string](of uint32, values []T) []byte {
	size := 20
	for _, v := range values {
		size += 4 + len(v)
	}
	out := make([]byte, 0, size)
	for _, n := range []uint32{1, 0, of, uint32(len(values)), 1} { // dimensions, nulls, type, length, first index
		out = binary.BigEndian.AppendUint32(out, n)
	}
	for _, v := range values {
		out = binary.BigEndian.AppendUint32(out, uint32(len(v)))
		out = append(out, v...)
	}
	return out
}

func (b *backend) CreateAll(ctx context.Context, in []hand.Application, dst []byte) ([]byte, int) {
	ids, jobs := make([][]byte, len(in)), make([][]byte, len(in))
	names, emails := make([]string, len(in)), make([]string, len(in))
	for i := range in {
		id, _ := uuid.NewV7()
		key, ok := hand.ParseID(in[i].Job)
		if !ok {
			return append(dst, `{"title":"bad id"}`...), 400
		}
		ids[i], jobs[i], names[i], emails[i] = id[:], key, in[i].CandidateName, in[i].Email
	}
	now := time.Now().UnixMilli()
	args := [][]byte{array(uuidType, ids), array(uuidType, jobs), array(textType, names), array(textType, emails), moment(now)}
	if _, err := b.run(ctx, "several", args, nil); err != nil {
		return refused(dst, err)
	}
	return hand.AppendCreated(dst, ids, in, now), 200
}
