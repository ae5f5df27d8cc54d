package mysql

import (
	"context"
	"database/sql/driver"
	"slices"
	"strings"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/value"
)

// InnoDB looks after references row by row, and follows a cascade 15 levels deep.
// So it keeps a row that refers to itself, and rows that refer to each other and
// are all to be removed, where only what is left at the end should count. When it
// refuses a removal, what would go with it is therefore found here, and if nothing
// that stays refers to any of it, all is removed with the checks off. Whatever is
// looked at is locked, gaps included: nobody can refer to it meanwhile.

// link is a reference: column of table refers to target.
type link struct{ table, column, target, rule string }

const (
	linksQuery = `SELECT CONCAT_WS('	', k.TABLE_NAME, k.COLUMN_NAME, k.REFERENCED_TABLE_NAME, r.DELETE_RULE)
FROM information_schema.KEY_COLUMN_USAGE AS k JOIN information_schema.REFERENTIAL_CONSTRAINTS AS r
	ON r.CONSTRAINT_SCHEMA = k.CONSTRAINT_SCHEMA AND r.TABLE_NAME = k.TABLE_NAME AND r.CONSTRAINT_NAME = k.CONSTRAINT_NAME
WHERE k.TABLE_SCHEMA = DATABASE() ORDER BY k.TABLE_NAME, k.COLUMN_NAME`
	ruleCascade = "CASCADE"
	ruleClear   = "SET NULL"
)

// removal is what goes together: ids by table.
type removal struct {
	t     *tx
	links []link
	ids   map[string][]string
	in    map[string]map[string]bool
}

// removeTogether removes what q finds and what goes with it; refused is returned
// when something that stays needs it.
func (t *tx) removeTogether(ctx context.Context, q *query.Delete, args []any, refused error) (int, error) {
	found, err := t.c.list(ctx, linksQuery)
	if err != nil {
		return 0, t.failed(ctx, err)
	}
	r := &removal{t: t, ids: map[string][]string{}, in: map[string]map[string]bool{}}
	for _, line := range found {
		parts := strings.Split(line, "\t")
		r.links = append(r.links, link{parts[0], parts[1], parts[2], parts[3]})
	}
	first, err := t.keysOf(ctx, q, args)
	if err != nil {
		return 0, t.failed(ctx, err)
	}
	if err := r.follow(ctx, q.Table.Name, first); err != nil {
		return 0, t.failed(ctx, err)
	}
	switch free, err := r.free(ctx); {
	case err != nil:
		return 0, t.failed(ctx, err)
	case !free:
		return 0, refused
	}
	if err := r.carryOut(ctx); err != nil {
		// Half of it may be done, and the session does not check any more.
		t.c.broken = true
		t.lost = t.failed(ctx, err)
		return 0, t.lost
	}
	return len(first), nil
}

// keysOf are the ids of the rows that q finds, held.
func (t *tx) keysOf(ctx context.Context, q *query.Delete, args []any) ([]string, error) {
	id := query.Column{Expr: query.Col{Alias: q.Table.Alias, Name: "id", Type: &value.Type{Kind: value.ID}}}
	s := shape{Statement: t.d.flavour.dialect.Select(&query.Select{From: q.Table, Columns: []query.Column{id}, Where: q.Where, Lock: query.ForUpdate})}
	sizes := s.sizes(args)
	p := &prepared{args: s.Args, sizes: sizes}
	return t.c.column(ctx, s.expanded(sizes), p.values(args))
}

// follow adds ids of a table, and what a cascade takes with them.
func (r *removal) follow(ctx context.Context, table string, ids []string) error {
	if r.in[table] == nil {
		r.in[table] = map[string]bool{}
	}
	ids = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return r.in[table][id] })
	if len(ids) == 0 {
		return nil
	}
	for _, id := range ids {
		r.in[table][id] = true
	}
	r.ids[table] = append(r.ids[table], ids...)
	for _, l := range r.links {
		if l.target != table || l.rule != ruleCascade || !r.referredTo(l.table) {
			continue
		}
		next, err := r.each(ctx, "SELECT id FROM `"+l.table+"` WHERE `"+l.column+"` IN (?) FOR UPDATE", ids)
		if err != nil {
			return err
		}
		if err := r.follow(ctx, l.table, next); err != nil {
			return err
		}
	}
	return nil
}

func (r *removal) referredTo(table string) bool {
	return slices.ContainsFunc(r.links, func(l link) bool { return l.target == table })
}

// free reports whether nothing that stays refers to what goes.
func (r *removal) free(ctx context.Context) (bool, error) {
	for _, l := range r.links {
		if l.rule == ruleCascade || l.rule == ruleClear || len(r.ids[l.target]) == 0 {
			continue
		}
		holders, err := r.each(ctx, "SELECT id FROM `"+l.table+"` WHERE `"+l.column+"` IN (?) FOR UPDATE", r.ids[l.target])
		if err != nil {
			return false, err
		}
		if slices.ContainsFunc(holders, func(id string) bool { return !r.in[l.table][id] }) {
			return false, nil
		}
	}
	return true, nil
}

func (r *removal) carryOut(ctx context.Context) error {
	if err := r.t.c.exec(ctx, "SET SESSION foreign_key_checks = 0"); err != nil {
		return err
	}
	for _, l := range r.links {
		statement := ""
		switch {
		case l.rule == ruleClear:
			statement = "UPDATE `" + l.table + "` SET `" + l.column + "` = NULL WHERE `" + l.column + "` IN (?)"
		case l.rule == ruleCascade && !r.referredTo(l.table):
			statement = "DELETE FROM `" + l.table + "` WHERE `" + l.column + "` IN (?)"
		default:
			continue
		}
		if _, err := r.each(ctx, statement, r.ids[l.target]); err != nil {
			return err
		}
	}
	for table, ids := range r.ids {
		if _, err := r.each(ctx, "DELETE FROM `"+table+"` WHERE id IN (?)", ids); err != nil {
			return err
		}
	}
	return r.t.c.exec(ctx, "SET SESSION foreign_key_checks = 1")
}

// each runs a statement on all ids, some hundreds at a time, and gives the first
// column of what it finds.
func (r *removal) each(ctx context.Context, sql string, ids []string) ([]string, error) {
	const most = 500
	var found []string
	for some := range slices.Chunk(ids, most) {
		values := make([]driver.NamedValue, len(some))
		for i, id := range some {
			values[i] = driver.NamedValue{Ordinal: i + 1, Value: []byte(id)}
		}
		list := strings.TrimSuffix(strings.Repeat("CAST(? AS BINARY(16)), ", len(some)), ", ")
		part, err := r.t.c.column(ctx, strings.Replace(sql, "?", list, 1), values)
		if err != nil {
			return nil, err
		}
		found = append(found, part...)
	}
	return found, nil
}
