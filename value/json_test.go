package value

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDecodeJSONRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		offset   int
	}{
		{"nothing", ``, 0},
		{"white space only", ` `, 1},
		{"a second text", `1 2`, 2},
		{"a member twice", `{"a":1,"b":2,"a":3}`, 13},
		{"a member twice, once escaped", `{"a":1,"\u0061":3}`, 7},
		{"invalid UTF-8", "\"\xff\"", 1},
		{"overlong UTF-8", "\"\xc0\x80\"", 1},
		{"a surrogate in UTF-8", "\"\xed\xa0\x80\"", 1},
		{"a lone high surrogate", `"\ud800"`, 1},
		{"a lone low surrogate", `"x\udc00"`, 2},
		{"two high surrogates", `"\ud800\ud800"`, 1},
		{"NUL", `"a\u0000"`, 2},
		{"NUL in a name", `{"\u0000":1}`, 2},
		{"a raw control character", "\"a\nb\"", 2},
		{"an unknown escape", `"\x"`, 1},
		{"a short escape", `"\u12"`, 1},
		{"an end in a string", `"abc`, 4},
		{"an end in an escape", `"abc\`, 5},
		{"an end in a list", `[1,`, 3},
		{"an end in an object", `{"a":`, 5},
		{"a comma too many", `[1,]`, 3},
		{"a comma too many in an object", `{"a":1,}`, 7},
		{"a missing comma", `[1 2]`, 3},
		{"a missing colon", `{"a" 1}`, 5},
		{"a name without quotes", `{a:1}`, 1},
		{"single quotes", `'a'`, 0},
		{"a leading zero", `01`, 0},
		{"a plus sign", `+1`, 0},
		{"a point without digits", `1.`, 2},
		{"an exponent without digits", `1e+`, 3},
		{"a lone minus", `-`, 1},
		{"NaN", `NaN`, 0},
		{"a comment", `/**/1`, 0},
		{"a byte order mark", "\ufeff1", 0},
		{"a half word", `tru`, 0},
		{"upper case words", `True`, 0},
		{"too deep", `[[[[1]]]]`, 3},
		{"too deep in objects", `{"a":{"a":{"a":{}}}}`, 15},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v, err := DecodeJSON([]byte(tt.in), 3)
			var syntax *SyntaxError
			if !errors.As(err, &syntax) {
				t.Fatalf("got %v, %v, want a *SyntaxError", v, err)
			}
			if syntax.Offset != tt.offset {
				t.Errorf("offset %d, want %d (%v)", syntax.Offset, tt.offset, err)
			}
		})
	}
}

func TestDecodeJSONReads(t *testing.T) {
	in := ` {"a" : [1, -2.50e3, true, false, null, []], "b\n\"\\\/": {"c": "\ud83d\ude00 é \u00e9"} } `
	want := map[string]any{
		"a":        []any{Number("1"), Number("-2.50e3"), true, false, nil, []any{}},
		"b\n\"\\/": map[string]any{"c": "😀 é é"},
	}
	got, err := DecodeJSON([]byte(in), 3)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

var everyKind = &Type{Kind: Struct, Members: []Member{
	{Name: "bool", Type: &Type{Kind: Bool}, Optional: true},
	{Name: "int", Type: &Type{Kind: Int}, Optional: true},
	{Name: "bigint", Type: &Type{Kind: BigInt}, Optional: true},
	{Name: "float", Type: &Type{Kind: Float}, Optional: true},
	{Name: "decimal", Type: &Type{Kind: DecimalKind, Precision: 12, Scale: 2}, Optional: true},
	{Name: "string", Type: &Type{Kind: String}, Optional: true},
	{Name: "enum", Type: &Type{Kind: Enum, Enum: []string{"must", "nice"}}, Optional: true},
	{Name: "date", Type: &Type{Kind: DateKind}, Optional: true},
	{Name: "time", Type: &Type{Kind: TimeKind}, Optional: true},
	{Name: "timestamp", Type: &Type{Kind: TimestampKind}, Optional: true},
	{Name: "duration", Type: &Type{Kind: DurationKind}, Optional: true},
	{Name: "id", Type: &Type{Kind: ID}, Optional: true},
	{Name: "json", Type: &Type{Kind: JSON}, Optional: true},
	{Name: "list", Type: &Type{Kind: List, Elem: &Type{Kind: Int}}, Optional: true},
}}

func TestEveryKindReadsAndPrintsTheSame(t *testing.T) {
	const text = `{"bool":true,"int":-42,"bigint":"9223372036854775807","float":0.1,"decimal":"-12.50","string":"a \"b\" \\ \u0001\t<é😀>",` +
		`"enum":"nice","date":"2026-11-22","time":"09:30:00.000","timestamp":"2026-11-22T10:00:00.000Z","duration":"PT2H30M",` +
		`"id":"0192f0c1-7b3a-7cc2-9d1e-2f4a5b6c7d8e","json":{"a":[1,null]},"list":[1,2,3]}`
	tree, err := DecodeJSON([]byte(text), 4)
	if err != nil {
		t.Fatal(err)
	}
	v, err := everyKind.FromJSON(tree)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(everyKind.AppendJSON(nil, v)); got != text {
		t.Errorf("\n got %s\nwant %s", got, text)
	}
}

func TestFromJSONRefuses(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{`{"bool":"true"}`, `member "bool" must be true or false`},
		{`{"bool":0}`, `member "bool" must be true or false`},
		{`{"int":"1"}`, `member "int" must be a number`},
		{`{"int":true}`, `member "int" must be a number`},
		{`{"int":1.0}`, `member "int" must be a whole number within ±9007199254740991`},
		{`{"int":1e0}`, `member "int" must be a whole number within ±9007199254740991`},
		{`{"int":9007199254740992}`, `member "int" must be a whole number within ±9007199254740991`},
		{`{"int":-9007199254740992}`, `member "int" must be a whole number within ±9007199254740991`},
		{`{"bigint":1}`, `member "bigint" must be a string`},
		{`{"bigint":"9223372036854775808"}`, `member "bigint" must be a whole number of 64 bits`},
		{`{"bigint":"01"}`, `member "bigint" must be a whole number of 64 bits`},
		{`{"bigint":" 1"}`, `member "bigint" must be a whole number of 64 bits`},
		{`{"float":1e309}`, `member "float" must be a number that a double can hold`},
		{`{"float":"NaN"}`, `member "float" must be a number`},
		{`{"decimal":12.5}`, `member "decimal" must be a string`},
		{`{"decimal":"12.505"}`, `member "decimal" must have at most 2 digits after the point`},
		{`{"decimal":"12.500"}`, `member "decimal" must have at most 2 digits after the point`},
		{`{"decimal":"12345678901"}`, `member "decimal" must have at most 10 digits before the point`},
		{`{"string":1}`, `member "string" must be a string`},
		{`{"string":{"$ne":null}}`, `member "string" must be a string`},
		{`{"enum":"MUST"}`, `member "enum" must be one of must, nice`},
		{`{"date":20261122}`, `member "date" must be a string`},
		{`{"id":"1"}`, `member "id" must be an id such as 0192f0c1-7b3a-7cc2-9d1e-2f4a5b6c7d8e`},
		{`{"json":[12345678901234567890]}`, `member "json" holds a number with more digits than can be kept, send it as a string: 12345678901234567890`},
		{`{"list":{}}`, `member "list" must be a list`},
		{`{"list":[1,"2"]}`, `member "list" item 2 must be a number`},
		{`{"list":[null]}`, `member "list" item 1 must not be null`},
		{`{"Bool":true,"abc":1}`, `has no member "Bool"`},
		{`[]`, `must be an object`},
	} {
		tree, err := DecodeJSON([]byte(tt.in), 4)
		if err != nil {
			t.Fatal(err)
		}
		if v, err := everyKind.FromJSON(tree); err == nil || err.Error() != tt.want {
			t.Errorf("%s\n got %v, %v\nwant %s", tt.in, v, err, tt.want)
		}
	}
	required := &Type{Kind: Struct, Members: []Member{{Name: "a", Type: &Type{Kind: Bool}}}}
	if _, err := required.FromJSON(map[string]any{}); err == nil || err.Error() != `member "a" is required` {
		t.Errorf("a missing member: %v", err)
	}
}

func TestMinusZeroIsStoredAsZero(t *testing.T) {
	for _, text := range []string{"-0", "-0.0", "-1e-400"} {
		v, err := (&Type{Kind: Float}).ParseText(text)
		if f, ok := v.(float64); err != nil || !ok || math.Signbit(f) || f != 0 {
			t.Errorf("%s reads as %v, %v", text, v, err)
		}
	}
	if v := Mul(-1.0, 0.0); math.Signbit(v.(float64)) {
		t.Error("-1.0 * 0.0 is -0")
	}
	if v := Negate(0.0); math.Signbit(v.(float64)) {
		t.Error("Negate(0.0) is -0")
	}
}

func TestStringsWithoutMeaningAreRefused(t *testing.T) {
	for _, s := range []string{"a\x00b", "\xff", "\xed\xa0\x80"} {
		if v, err := (&Type{Kind: String}).ParseText(s); err == nil {
			t.Errorf("ParseText(%q) = %v, want an error", s, v)
		}
	}
}

func TestAppendJSONOfScalarsDoesNotAllocate(t *testing.T) {
	values := map[Kind]any{
		Bool: true, Int: int64(42), BigInt: int64(-7), Float: 1e-7, DecimalKind: DecimalOf(5), String: "a\nb", Enum: "must",
		DateKind: Date(20000), TimeKind: Time(1), TimestampKind: Timestamp(1), DurationKind: Duration(1), ID: UUID{}, JSON: Raw("[]"),
	}
	dst := make([]byte, 0, 100)
	for kind, v := range values {
		typ := &Type{Kind: kind, Precision: 12, Scale: 2}
		if n := testing.AllocsPerRun(10, func() { dst = typ.AppendJSON(dst[:0], v) }); n > 0 {
			t.Errorf("kind %d allocates %v times", kind, n)
		}
	}
}

func TestCanonical(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"white space goes", " { \"a\" : [ 1 , 2 ] } ", `{"a":[1,2]}`},
		{"members are sorted", `{"b":1,"a":2,"B":3}`, `{"B":3,"a":2,"b":1}`},
		// The sample of RFC 8785, section 3.2.3.
		{"by UTF-16 code units", `{"\u20ac":"a","\r":"b","\ufb33":"c","1":"d","\ud83d\ude00":"e","\u0080":"f","\u00f6":"g"}`,
			"{\"\\r\":\"b\",\"1\":\"d\",\"\u0080\":\"f\",\"ö\":\"g\",\"€\":\"a\",\"😀\":\"e\",\"\ufb33\":\"c\"}"},
		{"numbers as ECMAScript writes them", `[1.0,1e0,10E1,1e21,1e-7,0.000001,-0,4.50,2e-3,333333333.3333333]`,
			`[1,1,100,1e+21,1e-7,0.000001,0,4.5,0.002,333333333.3333333]`},
		{"strings with few escapes", `"\u00e9\/\u001f\u0022<>"`, `"é/\u001f\"<>"`},
	} {
		got, err := Canonical([]byte(tt.in))
		if err != nil || string(got) != tt.want {
			t.Errorf("%s:\n got %s %v\nwant %s", tt.name, got, err, tt.want)
		}
	}
	for _, in := range []string{`1e400`, `0.10000000000000000001`, `9007199254740993`, `1e-400`, `{`} {
		if got, err := Canonical([]byte(in)); err == nil {
			t.Errorf("Canonical(%s) = %s, want an error", in, got)
		}
	}
}

func FuzzDecodeJSON(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.5e3,"x\ud83d\ude00"],"b":null}`, `[true,false]`, `"\u00e9"`, `-0.0e-1`, `{"a":1,"a":2}`, `[[[[]]]]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		tree, err := DecodeJSON(data, 100)
		if err != nil {
			return
		}
		var want any
		std := json.NewDecoder(bytes.NewReader(data))
		std.UseNumber()
		if err := std.Decode(&want); err != nil {
			t.Fatalf("%q is accepted here and not by encoding/json: %v", data, err)
		}
		if diff := cmp.Diff(want, standard(tree)); diff != "" {
			t.Fatalf("%q: %s", data, diff)
		}
		canonical, err := Canonical(data)
		if err != nil {
			return
		}
		if again, err := Canonical([]byte(canonical)); err != nil || again != canonical {
			t.Fatalf("%q is canonical as %s, which is canonical as %s (%v)", data, canonical, again, err)
		}
	})
}

// standard turns Numbers into those of encoding/json.
func standard(tree any) any {
	switch v := tree.(type) {
	case Number:
		return json.Number(v)
	case []any:
		for i := range v {
			v[i] = standard(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = standard(v[name])
		}
	}
	return tree
}

func TestAppendStringIsReadBack(t *testing.T) {
	in := "plain \"quoted\" \\ /\b\f\n\r\t\x01\x1f\x7f é \u2028 😀"
	var back string
	if err := json.Unmarshal(AppendString(nil, in), &back); err != nil || back != in {
		t.Errorf("got %q, %v", back, err)
	}
	if got := string(AppendString(nil, []byte("a\"b"))); got != `"a\"b"` {
		t.Errorf("bytes print as %s", got)
	}
}

func TestFormats(t *testing.T) {
	for _, tt := range []struct{ format, in, want string }{
		{"string", "Ann  Archer ", "Ann  Archer "},
		{"string", "a\nb", ""},
		{"string", "a\tb", ""},
		{"string", "a\u0085b", ""},
		{"text", "a\n\tb\r\n", "a\n\tb\r\n"},
		{"text", "a\x1bb", ""},
		{"email", "  Ann.O'Hara+x@Example.ORG ", "ann.o'hara+x@example.org"},
		{"email", "ann@localhost", "ann@localhost"},
		{"email", "ann", ""},
		{"email", "a@b@c.org", ""},
		{"email", "a b@c.org", ""},
		{"email", "ann@-x.org", ""},
		{"email", "ann@x..org", ""},
		{"url", "https://example.org/a?b=c#d", "https://example.org/a?b=c#d"},
		{"url", "javascript:alert(1)", ""},
		{"url", "https://", ""},
		{"url", "https://:80/", ""},
		{"url", "/a", ""},
		{"url", "https://a b/", ""},
		{"phone", "+43 660 123-45.67", "+43 660 123-45.67"},
		{"phone", "0660 1234567", ""},
		{"phone", "+43", ""},
		{"phone", "+43  6601234567", ""},
		{"phone", "+" + strings.Repeat("1", 16), ""},
		{"slug", " Acme-Labs-2 ", "acme-labs-2"},
		{"slug", "acme--labs", ""},
		{"slug", "-acme", ""},
		{"slug", "", ""},
		{"string", "a\x00", ""},
	} {
		got, err := Format(tt.format, tt.in)
		if tt.want == "" != (err != nil) || got != tt.want {
			t.Errorf("Format(%s, %q) = %q, %v, want %q", tt.format, tt.in, got, err, tt.want)
		}
	}
}

// Each byte at each place of a short text is escaped as encoding/json reads it back.
func TestEveryByteIsEscapedAtEveryPlace(t *testing.T) {
	for length := range 20 {
		for at := range length {
			for c := range byte(0x80) {
				text := "é" + strings.Repeat("x", at) + string(rune(c)) + strings.Repeat("y", length-at)
				var back string
				got := AppendString(nil, text)
				if err := json.Unmarshal(got, &back); err != nil || back != text {
					t.Fatalf("%q became %s: %v", text, got, err)
				}
				if b := AppendString(nil, []byte(text)); string(b) != string(got) {
					t.Fatalf("%s as bytes, %s as a string", b, got)
				}
			}
		}
	}
}
