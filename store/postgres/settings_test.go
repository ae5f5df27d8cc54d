package postgres

import "testing"

func TestAServerThatIsTooOldIsRefused(t *testing.T) {
	for number, fits := range map[string]bool{"130000": true, "150018": true, "180001": true, "120022": false, "90624": false, "": false} {
		err := supported(number, "12.22")
		if fits != (err == nil) {
			t.Errorf("%s: %v", number, err)
		}
		if want := "unavailable: the database is PostgreSQL 12.22; at least 13 is needed"; err != nil && err.Error() != want {
			t.Errorf("%s: %v, want %s", number, err, want)
		}
	}
}
