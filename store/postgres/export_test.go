package postgres

import (
	"context"
	"time"
)

// Rests reports whether single writes are done one by one at a time.
func (d *Driver) Rests(at time.Time) bool { return d.group.Resting(at) }

// One asks for a single text.
func (d *Driver) One(ctx context.Context, sql string, args ...string) (string, error) {
	return d.one(ctx, sql, args...)
}
