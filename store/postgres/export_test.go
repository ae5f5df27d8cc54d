package postgres

import "time"

// Rests reports whether single writes are done one by one at a time.
func (d *Driver) Rests(at time.Time) bool { return d.group.Resting(at) }
