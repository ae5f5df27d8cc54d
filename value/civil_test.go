package value

import (
	"testing"
	"time"
)

// Every date that a contract can hold is what the standard library says it is.
func TestEveryDate(t *testing.T) {
	for d := Date(minDate); d <= maxDate; d++ {
		want := time.Unix(int64(d)*(day/1000), 0).UTC()
		y, m, dd := d.civil()
		if int(y) != want.Year() || time.Month(m) != want.Month() || int(dd) != want.Day() {
			t.Fatalf("day %d: %d-%d-%d, want %s", d, y, m, dd, want.Format(time.DateOnly))
		}
	}
}
