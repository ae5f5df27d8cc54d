package api

import (
	"maps"
	"slices"
	"strings"

	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/value"
)

// document reads the parameters of a list from a JSON object, for QUERY and
// POST …/query: control words as members, equalities under "where".
//
//	{"filter": "salary_min > decimal(\"50000\")", "sort": ["-opened_at"], "limit": 20,
//	 "where": {"status": ["open", "paused"]}}
//
// Faults are reported as those of a query string are.
func (p *params) document(body []byte) error {
	tree, err := decodeJSON(body)
	if err != nil {
		return err
	}
	object, ok := tree.(map[string]any)
	if !ok {
		return problem.Errorf(problem.InvalidParameter, "a query is a JSON object of parameters")
	}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		switch {
		case name == "where":
			p.where(object[name])
		case controlWord(name) == 0:
			p.unknown = p.unknown || len(p.faults) == 0
			p.fault(name, unknownParameter, "there is no such parameter here; equalities stand under 'where'")
		default:
			if text, ok := listText(object[name]); ok {
				p.set(name, text)
			} else {
				p.fault(name, "type", "must be a string, a number or a list of strings")
			}
		}
	}
	return nil
}

func (p *params) where(v any) {
	object, ok := v.(map[string]any)
	if !ok {
		p.fault("where", "type", "must be an object of fields and values")
		return
	}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		values, isList := object[name].([]any)
		if !isList {
			values = []any{object[name]}
		}
		if len(values) == 0 || len(values) > maxParams || controlWord(name) != 0 || name == "" {
			p.fault(name, "invalid", "must be a field with one value or a list of up to 100")
			continue
		}
		for _, v := range values {
			text, ok := scalarText(v)
			if !ok {
				p.fault(name, "type", "must be a string, a number, true, false or a list of these")
				break
			}
			p.equal(name, text)
		}
	}
}

// listText is a control word's value as a query string would have it.
func listText(v any) (string, bool) {
	list, ok := v.([]any)
	if !ok {
		return scalarText(v)
	}
	words := make([]string, len(list))
	for i, v := range list {
		if words[i], ok = v.(string); !ok {
			return "", false
		}
	}
	return strings.Join(words, ","), true
}

func scalarText(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case value.Number:
		return string(v), true
	case bool:
		if v {
			return "true", true
		}
		return "false", true
	}
	return "", false
}

// maxDepth bounds the nesting of the JSON that api itself reads.
const maxDepth = 8

func decodeJSON(body []byte) (any, error) {
	tree, err := value.DecodeJSON(body, maxDepth)
	if err != nil {
		return nil, problem.Errorf(problem.MalformedJSON, "%s", err)
	}
	return tree, nil
}
