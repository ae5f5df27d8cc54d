package engine

import (
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/value"
)

const (
	maxSearch = 400 // bytes of a search text
	maxWords  = 10
)

var wordType = &value.Type{Kind: value.String}

// readSearch cuts the words out of `search`. Without a search field that exists
// for the caller there is no such parameter.
func (a *ask) readSearch() {
	text := a.op.Query.Search
	if text == "" {
		return
	}
	found := false
	for _, h := range a.sight.Handles {
		found = found || h.Field.Search
	}
	if !found {
		a.noParameter("search")
		return
	}
	if len(text) > maxSearch {
		a.fault("search", "max", "must be at most %d bytes long", maxSearch)
		return
	}
	words := value.Words(text)
	switch {
	case len(words) == 0:
		a.fault("search", "format", "must hold a letter or a digit")
		return
	case len(words) > maxWords:
		a.fault("search", "max", "must have at most %d different words", maxWords)
		return
	}
	at := len(a.env.Literals)
	for _, w := range words {
		a.push(w)
	}
	a.words = place{at, len(words)}
	a.key = append(a.key, 's', byte(len(words)))
}

// searched holds for the records that have every word in one of the search
// fields that exist for the caller; a masked field counts only on the rows
// where its mask lets it be read.
func (a *ask) searched(l *rule.Lowering, alias int) []query.Expr {
	var conditions []query.Expr
	for i := range a.words.n {
		word := literal(l, wordType, a.words.at+i)
		var open []query.Expr
		var any []query.Expr
		for _, h := range a.sight.Handles {
			switch {
			case !h.Field.Search:
			case h.Masked:
				any = append(any, query.And{List: []query.Expr{
					query.IsNull{X: l.Column(h, alias), Not: true},
					a.holds(l, alias, word, []query.Expr{fieldName(h)}),
				}})
			default:
				open = append(open, fieldName(h))
			}
		}
		if len(open) > 0 {
			any = append(any, a.holds(l, alias, word, open))
		}
		conditions = append(conditions, either(any))
	}
	return conditions
}

func fieldName(h *rule.Handle) query.Expr {
	return query.Const{Value: h.Field.Name, Type: wordType}
}

// holds is that the record has the word in one of the fields, by the words table.
func (a *ask) holds(l *rule.Lowering, alias int, word query.Expr, fields []query.Expr) query.Expr {
	r := a.sight.Resource
	words := l.Alias()
	return query.InSelect{
		X:      idColumn(r, alias),
		Listed: true,
		Sub: &query.Select{
			From:    query.Table{Name: r.Table + "_words", Alias: words},
			Columns: []query.Column{{Expr: query.Col{Alias: words, Name: "id", Type: idType(r)}, Type: idType(r)}},
			Where: query.And{List: []query.Expr{
				query.Cmp{Op: query.Eq, L: query.Col{Alias: words, Name: "word", Type: wordType}, R: word},
				query.In{X: query.Col{Alias: words, Name: "field", Type: wordType}, List: fields},
			}},
		},
	}
}
