// Package contract is the contract as read: YAML parsed, names resolved, every
// fault reported with file:line:col. It holds expressions as text with their
// place; package rule checks and types them. It knows nothing of databases or
// HTTP beyond the names of paths.
package contract

import (
	"fmt"
	"strings"

	"github.com/mainstay-run/mainstay/value"
)

// Pos is a place in a contract's file; Line and Col are 1-based, Col in code points.
type Pos struct {
	File string
	Line int
	Col  int
}

func (p Pos) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col) }

// Fault is one thing wrong with a contract.
type Fault struct {
	Pos   Pos
	Place string // in words: "Application.access.read"
	What  string // "no field 'candidat'"
	Mend  string // what to write instead: "did you mean 'candidate'?"; may be empty
	// Warning is true for what may be served all the same (a resource without access).
	Warning bool
}

// Faults are all that is wrong with a file, by place.
type Faults []Fault

func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = fault.String()
	}
	return strings.Join(lines, "\n")
}

func (f Fault) String() string {
	s := f.Pos.String() + ": "
	if f.Warning {
		s += "warning: "
	}
	if f.Place != "" {
		s += f.Place + ": "
	}
	s += f.What
	if f.Mend != "" {
		s += "; " + f.Mend
	}
	return s
}

// Contract is a whole contract, in the order written.
type Contract struct {
	Name        string
	Description string
	BasePath    string // "/v1" unless said otherwise
	CORS        CORS
	Accounts    *Accounts // nil: nobody can sign in
	Rules       []*NamedRule
	Resources   []*Resource
	Services    []*Service
	Subs        []*Subscription
	Jobs        []*Job
	// Unbuilt lists what the contract asks for and this version does not carry
	// out yet; dev and serve refuse to start while it is not empty.
	Unbuilt []Fault
	// Files are the files it was read from, for watching.
	Files []string
}

// Resource finds a resource by name, nil when there is none.
func (c *Contract) Resource(name string) *Resource {
	for _, r := range c.Resources {
		if r.Name == name {
			return r
		}
	}
	return nil
}

// CORS says which origins a browser may call from; no wildcard with credentials.
type CORS struct {
	Origins     []string // exact origins, or the single "*"
	Credentials bool
}

// Accounts says who can sign in and how.
type Accounts struct {
	Resource  *Resource // its field `email` is the sign-in name; nil where a fault says why
	Email     *Field
	MinLength int    // of a password, in code points; default 8
	Signup    string // open, invited, closed (default)
	APIKeys   bool
	Pos       Pos
}

// Expr is an expression's text and where it stands. Pos is the place of its
// first character; Offsets inside a plain or quoted scalar are counted from it.
type Expr struct {
	Source string
	Pos    Pos
	origin *origin // see At
}

// NamedRule is a rule that other rules may use by name.
type NamedRule struct {
	Name string
	Expr Expr
	Pos  Pos
}

// Resource is one kind of record.
type Resource struct {
	Name        string // "JobDescription"
	Path        string // "job-descriptions": plural, lower kebab-case
	Table       string // "job_descriptions"
	Description string // the comment directly above
	Subject     bool
	Key         *Field // `key: slug`: another unique field that addresses a record; nil: id only
	Fields      []*Field
	Checks      []*Check
	Unique      [][]*Field
	Indexes     [][]IndexKey
	Access      []*Access
	FieldAccess []*FieldAccess
	Actions     []*Action
	Filters     []*Filter
	Hooks       []*Hook
	Events      []string
	Retain      *Retain
	Pos         Pos
}

// Field finds a field by name, nil when there is none. The built-in fields id,
// created_at and updated_at are the first three of Fields' handles: see Builtin.
func (r *Resource) Field(name string) *Field {
	for _, f := range r.Fields {
		if f.Name == name {
			return f
		}
	}
	return nil
}

// Field is one field. Every resource begins with the built-ins id, created_at
// and updated_at (Builtin true), so that they are handles like any other.
type Field struct {
	Name        string
	Resource    *Resource // the one it belongs to; nil for a struct's member
	Builtin     bool
	Type        *Type
	Optional    bool
	Unique      bool
	Index       bool
	Search      bool
	Fixed       bool
	Readonly    bool
	Hidden      bool
	Personal    bool
	Encrypted   bool
	Lookup      bool
	Deprecated  bool
	OnDelete    string // refuse, cascade, clear; references only
	Was         string // former name
	Default     *Expr  // nil: none. Where an enum is expected a bare word is its value
	Description string
	Pos         Pos
}

// Stored reports whether the field has a column (everything but many).
func (f *Field) Stored() bool { return f.Type.Name != "many" }

// Dispensable reports whether the field needs no value when a record is made: it is
// null then, or a list that is empty.
func (f *Field) Dispensable() bool {
	return f.Optional || f.Type.Name == "list" && f.Type.MinItems == 0
}

// Type is a field's type as written, resolved.
type Type struct {
	// Name is the word of the contract: string text email url phone slug uuid int
	// bigint float decimal bool date time timestamp duration enum json file
	// ref (a resource's name was written), many, list, struct.
	Name string
	// Value is how its values behave; nil for many and file.
	Value *value.Type
	// Min and Max bound a string's length in code points (int64) or a number's
	// value (in package value's form); nil: unbounded. Strings have default bounds.
	Min, Max any
	// MinItems and MaxItems bound a list; MaxItems 0: the default, 1000.
	MinItems, MaxItems int
	Target             *Resource // ref and many
	Inverse            *Field    // many: the reference field of Target that points back
	Elem               *Type     // list
	Members            []*Field  // struct
	Formats            []string  // file
	MaxBytes           int64     // file
}

// Check is an invariant of every stored record.
type Check struct {
	Sentence string
	Expr     Expr
}

// IndexKey is one key of a declared index.
type IndexKey struct {
	Field *Field
	Desc  bool
}

// KeyList is how keys are written: "[vendor, -created_at]".
func KeyList(keys []IndexKey) string {
	words := make([]string, len(keys))
	for i, k := range keys {
		words[i] = k.Field.Name
		if k.Desc {
			words[i] = "-" + words[i]
		}
	}
	return "[" + strings.Join(words, ", ") + "]"
}

// IndexLine is the line by which the resource has one more index than it declares.
func (r *Resource) IndexLine(more []IndexKey) string {
	var lists []string
	for _, keys := range r.Indexes {
		lists = append(lists, KeyList(keys))
	}
	return "index: [" + strings.Join(append(lists, KeyList(more)), ", ") + "]"
}

// Access is who may do an operation: read, create, update or delete (`write`
// and `all` are already spread out). Several for one operation add up.
type Access struct {
	Operation string
	Expr      Expr
}

// FieldAccess is who may read (Set false) or write (Set true) some fields.
type FieldAccess struct {
	Set    bool
	Fields []*Field
	Expr   Expr
}

// Action is a named operation on one record.
type Action struct {
	Name        string
	Description string
	Move        *Move // nil: none
	Allow       Expr
	Input       []*Field
	Set         []*Assign
	Pos         Pos
}

// Move is a change of an enum field along declared ways.
type Move struct {
	Field *Field
	From  []string
	To    string
}

// Assign sets a field to an expression's value.
type Assign struct {
	Field *Field
	Expr  Expr
}

// Filter is a declared, named filter: `?paying=50000`. Its one typed parameter
// is `input` in Where; without Input it is a switch, `?fresh=true`.
type Filter struct {
	Name        string
	Description string
	Input       *Field // nil: a switch
	Where       Expr
	Pos         Pos
}

// Hook calls a service before or after an operation.
type Hook struct {
	When, Operation, Service string
	Pos                      Pos
}

// Retain says how long records are kept.
type Retain struct {
	Keep  value.Duration
	Since *Field
	Then  string
	Pos   Pos
}

// Service is the team's own logic behind a URL.
type Service struct {
	Name, URL string
	Timeout   value.Duration
	Else      string
	Pos       Pos
}

// Subscription sends events somewhere.
type Subscription struct {
	Name   string
	Events []string
	To     string
	Pos    Pos
}

// Job is recurring work.
type Job struct {
	Name     string
	Every    value.Duration
	Resource *Resource
	Update   bool // or delete
	Where    Expr
	Set      []*Assign
	Pos      Pos
}
