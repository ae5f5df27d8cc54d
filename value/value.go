// Package value holds what a record may contain: the closed set of kinds,
// their Go form, order, equality, and their one canonical JSON form. It knows
// no contract, no expression and no database; everything above speaks in it.
//
// A value is an `any` holding exactly one of these Go types, by Kind:
//
//	nil        null, for every kind
//	bool       Bool
//	int64      Int, BigInt
//	float64    Float (never NaN, ±Inf or −0)
//	Decimal    Decimal
//	string     String (string, text, email, url, phone, slug), Enum
//	Date       Date: days since 1970-01-01
//	Time       Time: milliseconds since midnight
//	Timestamp  Timestamp: milliseconds since 1970-01-01T00:00:00Z
//	Duration   Duration: milliseconds
//	UUID       ID (ids, references, the uuid type)
//	Raw        JSON: canonical JSON text
//	[]any      List
//	map[string]any  Struct: every declared member is present
package value

// Kind is how a value behaves.
type Kind uint8

// The kinds.
const (
	Invalid Kind = iota
	Bool
	Int
	BigInt
	Float
	DecimalKind
	String
	Enum
	DateKind
	TimeKind
	TimestampKind
	DurationKind
	ID
	JSON
	List
	Struct
)

// Type is a kind with what its values need to be read, written and compared.
// Types are built once, when the contract loads, and never changed.
type Type struct {
	Kind Kind
	// Precision and Scale are a Decimal's: digits in all, digits after the point.
	Precision, Scale int
	// Enum lists the values in their order.
	Enum []string
	// Elem is a List's element.
	Elem *Type
	// Members are a Struct's, in the order written, which is their order in JSON.
	Members []Member
	// Resource is the resource that an ID refers to; empty for the uuid type.
	Resource string
}

// Member is one named part of a Struct.
type Member struct {
	Name     string
	Type     *Type
	Optional bool
}

// Date is days since 1970-01-01, within years 1 to 9999.
type Date int32

// Time is milliseconds since midnight, 0 ≤ t < 86,400,000.
type Time int32

// Timestamp is milliseconds since 1970-01-01T00:00:00Z, within years 1 to 9999.
type Timestamp int64

// Duration is milliseconds; days are 24 hours (no months, no years).
type Duration int64

// UUID is an RFC 9562 UUID in network order.
type UUID [16]byte

// Raw is canonical JSON text (RFC 8785 order of members and form of numbers).
type Raw string
