package rule

import (
	"fmt"
	"slices"
	"strconv"

	"cel.dev/cel-go/common/ast"

	"github.com/mainstay-run/mainstay/value"
)

// This file guesses what was meant by a name or a literal that does not fit.

// otherNames are what people write who come from elsewhere.
var otherNames = map[string]string{
	"public": "write true", "everyone": "write true", "everybody": "write true", "anyone": "write true", "anybody": "write true",
	"nobody": "write false", "none": "write false",
	"authenticated": "write caller != null", "signed_in": "write caller != null", "logged_in": "write caller != null",
	"user": "write caller", "me": "write caller", "self": "write caller",
	"nil": "write null", "undefined": "write null",
}

// lengths are other languages' names of size().
var lengths = map[string]bool{"length": true, "len": true, "count": true, "size": true}

// meant is what to write for a bare name that means nothing here.
func (c *checker) meant(name string) string {
	if slices.Contains(fieldNames(c.input), name) {
		return "write input." + name
	}
	if mend := suggest(name, c.known()); mend != "" {
		return mend
	}
	return otherNames[name]
}

// sides checks the two sides of a comparison.
func (c *checker) sides(left, right ast.Expr) (l, r node) {
	if c.isNothing(left) {
		r = c.value(right)
		return c.beside(left, r), r
	}
	l = c.value(left)
	return l, c.beside(right, l)
}

// beside is value for an expression that is compared with other: a bare name of
// nothing beside a text or an enum may be a text that lacks its quotes.
func (c *checker) beside(e ast.Expr, other node) node {
	if other == nil || other.typ() == nil || !c.isNothing(e) {
		return c.value(e)
	}
	name, t := e.AsIdent(), other.typ()
	mend := c.meant(name)
	switch {
	case t.Kind == value.Enum && slices.Contains(t.Enum, name), t.Kind == value.String && mend == "":
		mend = fmt.Sprintf(`write "%s" in quotes`, name)
	case t.Kind == value.Enum && mend == "":
		mend = suggest(name, t.Enum)
	}
	return c.flaw(e, mend, "%s has no field '%s'", c.res.Name, name)
}

// isNothing reports whether e is a bare name that means nothing here.
func (c *checker) isNothing(e ast.Expr) bool {
	if e.Kind() != ast.IdentKind {
		return false
	}
	name := e.AsIdent()
	switch name {
	case "caller", "now", "old", "input":
		return false
	}
	bound := slices.ContainsFunc(c.vars, func(v *variable) bool { return v.name == name })
	return !bound && !c.fieldExists(name) && c.namedRule(name) == nil
}

// rewritten is how a literal is written as a value of type t; "" when it cannot be.
func rewritten(l lit, t *value.Type) string {
	text, quoted := l.v.(string)
	if f, ok := l.v.(float64); ok {
		text = strconv.FormatFloat(f, 'f', -1, 64)
	}
	if t.Kind == value.DecimalKind {
		if _, err := value.ParseDecimal(text); err == nil {
			return fmt.Sprintf(`write decimal("%s")`, text)
		}
		return ""
	}
	if isInteger(t) && l.t == floatType {
		return "write a whole number"
	}
	mend := ""
	switch t.Kind {
	case value.Int, value.BigInt, value.Float, value.Bool:
		mend = "write " + text + " without quotes"
	}
	for name, of := range constructors {
		if of.Kind == t.Kind {
			mend = fmt.Sprintf(`write %s("%s")`, name, text)
		}
	}
	if !quoted || mend == "" {
		return ""
	}
	if _, err := t.ParseText(text); err != nil {
		return ""
	}
	return mend
}
