package postgres

import "context"

// unsafeQuery finds the settings under which a crash can take back a write that
// was acknowledged, or leave half of a page.
const unsafeQuery = `SELECT name || ' is ' || setting FROM pg_settings
WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') AND setting = 'off' ORDER BY name`

// Unsafe names the settings of the database that make an acknowledged write
// unsafe: "fsync is off". None: it is as durable as its disk.
func (d *Driver) Unsafe(ctx context.Context) ([]string, error) {
	c, err := d.take(ctx)
	if err != nil {
		return nil, err
	}
	defer d.give(c)
	list, err := c.list(ctx, unsafeQuery)
	if err != nil {
		return nil, explained(ctx, err)
	}
	return list, nil
}
