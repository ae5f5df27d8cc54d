package value

import (
	"testing"
	"time"
)

func TestTimesInTheirCanonicalForm(t *testing.T) {
	for _, tt := range []struct {
		kind     Kind
		in, want string // empty: refused
	}{
		{DateKind, "2026-11-22", "2026-11-22"},
		{DateKind, "0001-01-01", "0001-01-01"},
		{DateKind, "9999-12-31", "9999-12-31"},
		{DateKind, "2024-02-29", "2024-02-29"},
		{DateKind, "2026-02-29", ""},
		{DateKind, "0000-01-01", ""},
		{DateKind, "10000-01-01", ""},
		{DateKind, "2026-1-2", ""},
		{DateKind, "2026-11-22T00:00:00Z", ""},
		{DateKind, "2026-00-10", ""},

		{TimeKind, "09:30:00", "09:30:00.000"},
		{TimeKind, "23:59:59.9999", "23:59:59.999"},
		{TimeKind, "24:00:00", ""},
		{TimeKind, "23:59:60", ""},
		{TimeKind, "09:30", ""},
		{TimeKind, "09:30:00.", ""},
		{TimeKind, "09:30:00Z", ""},

		{TimestampKind, "2026-11-22T10:00:00Z", "2026-11-22T10:00:00.000Z"},
		{TimestampKind, "2026-11-22t10:00:00.1239z", "2026-11-22T10:00:00.123Z"},
		{TimestampKind, "2026-11-22T10:00:00+14:00", "2026-11-21T20:00:00.000Z"},
		{TimestampKind, "1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"},
		{TimestampKind, "0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"},
		{TimestampKind, "0001-01-01T00:00:00+00:01", ""},
		{TimestampKind, "9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"},
		{TimestampKind, "9999-12-31T23:59:59-00:01", ""},
		{TimestampKind, "2026-11-22 10:00:00Z", ""},
		{TimestampKind, "2026-11-22T10:00:00", ""},
		{TimestampKind, "2026-11-22T10:00Z", ""},
		{TimestampKind, "2016-12-31T23:59:60Z", ""},
		{TimestampKind, "2026-11-22T10:00:00+24:00", ""},
		{TimestampKind, "2026-11-22T10:00:00+0200", ""},

		{DurationKind, "P90D", "P90D"},
		{DurationKind, "PT2H30M", "PT2H30M"},
		{DurationKind, "PT90M", "PT1H30M"},
		{DurationKind, "PT36H", "P1DT12H"},
		{DurationKind, "PT0.5S", "PT0.5S"},
		{DurationKind, "PT1.0009S", "PT1S"},
		{DurationKind, "P0D", "PT0S"},
		{DurationKind, "-P1DT1S", "-P1DT1S"},
		{DurationKind, "PT9223372036854775.807S", "P106751991167DT7H12M55.807S"},
		{DurationKind, "PT9223372036854775.808S", ""},
		{DurationKind, "P99999999999999999999D", ""},
		{DurationKind, "P1Y", ""},
		{DurationKind, "P1M", ""},
		{DurationKind, "P1W", ""},
		{DurationKind, "P", ""},
		{DurationKind, "PT", ""},
		{DurationKind, "P1DT", ""},
		{DurationKind, "PT1M1H", ""},
		{DurationKind, "PT1.5H", ""},
		{DurationKind, "PT.5S", ""},
		{DurationKind, "PTS", ""},
		{DurationKind, "P1", ""},
		{DurationKind, "1D", ""},
		{DurationKind, "PT-1S", ""},
	} {
		typ := &Type{Kind: tt.kind}
		v, err := typ.ParseText(tt.in)
		switch {
		case err != nil && tt.want != "":
			t.Errorf("%q: %v", tt.in, err)
		case err == nil && string(typ.AppendJSON(nil, v)) != `"`+tt.want+`"`:
			t.Errorf("%q prints %s, want %q", tt.in, typ.AppendJSON(nil, v), tt.want)
		}
	}
}

func TestShorthandOfDurations(t *testing.T) {
	for in, want := range map[string]string{"730d": "P730D", "2s": "PT2S", "12h": "PT12H", "5m": "PT5M", "250ms": "PT0.25S"} {
		if got, err := ParseShort(in); err != nil || got.String() != want {
			t.Errorf("ParseShort(%q) = %v, %v, want %s", in, got, err, want)
		}
	}
	for _, in := range []string{"", "d", "1", "1y", "1dd", "-1d", "1.5d", "9999999999999d", "1 d"} {
		if got, err := ParseShort(in); err == nil {
			t.Errorf("ParseShort(%q) = %v, want an error", in, got)
		}
	}
}

func TestTimestampOfCutsToMilliseconds(t *testing.T) {
	at := time.Date(1969, 12, 31, 23, 59, 59, 999_999_999, time.UTC)
	if got := TimestampOf(at).String(); got != "1969-12-31T23:59:59.999Z" {
		t.Errorf("got %s", got)
	}
	if got := TimestampOf(at).Time(); !got.Equal(at.Truncate(time.Millisecond)) {
		t.Errorf("got %s", got)
	}
}

func TestIDs(t *testing.T) {
	now := time.UnixMilli(1_790_000_000_123)
	last := UUID{}
	for range 5000 {
		id := NewID(now)
		if Compare(last, id) >= 0 {
			t.Fatalf("%v comes after %v", id, last)
		}
		if back, err := ParseID(id.String()); err != nil || back != id {
			t.Fatalf("%v parses to %v, %v", id, back, err)
		}
		last = id
	}
	if got := NewID(now.Add(time.Hour)); got.Version() != 7 || got[8]>>6 != 2 || !got.Time().Equal(now.Add(time.Hour)) {
		t.Errorf("%v has version %d and time %s", got, got.Version(), got.Time())
	}
	if got := NewID(now.Add(-time.Hour)); !got.Time().Equal(now.Add(-time.Hour)) {
		t.Errorf("a clock set back far is followed: %s", got.Time())
	}
	for _, s := range []string{"", "0192f0c17b3a7cc29d1e2f4a5b6c7d8e", "0192f0c1-7b3a-7cc2-9d1e-2f4a5b6c7d8", "g192f0c1-7b3a-7cc2-9d1e-2f4a5b6c7d8e", "{192f0c1-7b3a-7cc2-9d1e-2f4a5b6c7d8e"} {
		if id, err := ParseID(s); err == nil {
			t.Errorf("ParseID(%q) = %v, want an error", s, id)
		}
	}
	if id, err := ParseID("0192F0C1-7B3A-7CC2-9D1E-2F4A5B6C7D8E"); err != nil || id.String() != "0192f0c1-7b3a-7cc2-9d1e-2f4a5b6c7d8e" {
		t.Errorf("upper case: %v, %v", id, err)
	}
}

func FuzzText(f *testing.F) {
	for _, s := range []string{"2026-11-22", "09:30:00.5", "2026-11-22T10:00:00+02:00", "-P1DT2H3M4.5S", "0192f0c1-7b3a-7cc2-9d1e-2f4a5b6c7d8e", "-12.50", "1e-7", "true"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for kind := Bool; kind <= JSON; kind++ {
			typ := &Type{Kind: kind, Precision: 20, Scale: 4, Enum: []string{"draft", "open"}}
			v, err := typ.ParseText(s)
			if err != nil {
				continue
			}
			text := typ.AppendJSON(nil, v)
			tree, err := DecodeJSON(text, MaxDepth)
			if err != nil {
				t.Fatalf("kind %d prints %q as %s: %v", kind, s, text, err)
			}
			back, err := typ.FromJSON(tree)
			if err != nil || !Equal(back, v) {
				t.Fatalf("kind %d: %q prints as %s, which reads as %v, %v", kind, s, text, back, err)
			}
		}
	})
}
