package dbtest

import (
	"context"
	"database/sql"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// Session is a connection to a PostgreSQL or MySQL database, as somebody with a
// shell has it: what it locks stays locked until it ends.
type Session struct {
	rows func(ctx context.Context, statement string) ([][]string, error)
	end  func()
}

// Connect begins a session with the database of a URL; it ends with the test.
func Connect(t testing.TB, database string) *Session {
	t.Helper()
	s, err := connect(context.Background(), database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.End)
	return s
}

func connect(ctx context.Context, database string) (*Session, error) {
	at, err := url.Parse(database)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(at.Scheme, "postgres") {
		c, err := pgconn.Connect(ctx, database)
		if err != nil {
			return nil, err
		}
		rows := func(ctx context.Context, statement string) (list [][]string, err error) {
			result := c.ExecParams(ctx, statement, nil, nil, nil, nil).Read()
			for _, row := range result.Rows {
				var texts []string
				for _, v := range row {
					texts = append(texts, string(v))
				}
				list = append(list, texts)
			}
			return list, result.Err
		}
		return &Session{rows, func() { c.Close(context.Background()) }}, nil
	}
	db, err := admin(at)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	rows := func(ctx context.Context, statement string) (list [][]string, err error) {
		rows, err := db.QueryContext(ctx, statement)
		if err != nil {
			return nil, err
		}
		defer rows.Close()
		columns, err := rows.Columns()
		if err != nil {
			return nil, err
		}
		row := make([]any, len(columns))
		for i := range row {
			row[i] = new(sql.NullString)
		}
		for rows.Next() {
			if err := rows.Scan(row...); err != nil {
				return nil, err
			}
			var texts []string
			for _, v := range row {
				texts = append(texts, v.(*sql.NullString).String)
			}
			list = append(list, texts)
		}
		return list, rows.Err()
	}
	return &Session{rows, func() { db.Close() }}, nil
}

// Rows runs a statement and gives its rows, null as "".
func (s *Session) Rows(t testing.TB, statement string) [][]string {
	t.Helper()
	rows, err := s.rows(context.Background(), statement)
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	return rows
}

// Run runs statements.
func (s *Session) Run(t testing.TB, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		s.Rows(t, statement)
	}
}

// End ends the session, and gives up what it holds.
func (s *Session) End() { s.end() }
