package rule

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/parser"
)

// maxText is the longest expression, in code points; maxNested is how deep its
// parentheses, and what else stands within another, may be.
const (
	maxText   = 8192
	maxNested = 64
)

// grammar is CEL's grammar without macros: exists, all and has reach the checker
// as plain calls, so that it gives them their meaning over relations and nulls.
var grammar = func() *parser.Parser {
	p, err := parser.NewParser(
		parser.Macros(),
		parser.MaxRecursionDepth(maxNested),
		parser.ExpressionSizeCodePointLimit(maxText),
		parser.ErrorReportingLimit(1),
		parser.EnablePrattParser(true),
	)
	if err != nil {
		panic(err) // the options are constants
	}
	return p
}()

// flaw is one thing wrong with an expression; at is a 0-based offset in code points,
// in the text of the named rule when rule is not empty.
type flaw struct {
	at   int
	what string
	mend string
	rule string
}

// parse reads an expression's text into CEL's tree.
func parse(text string) (*ast.AST, *flaw) {
	if strings.TrimSpace(text) == "" {
		return nil, &flaw{what: "the expression is empty", mend: "write true if everybody may, or leave the line out if nobody may"}
	}
	if utf8.RuneCountInString(text) > maxText {
		return nil, &flaw{what: fmt.Sprintf("the expression has more than %d characters", maxText)}
	}
	tree, errs := grammar.Parse(common.NewTextSource(text))
	if errs == nil || len(errs.GetErrors()) == 0 {
		return tree, nil
	}
	if strings.Contains(errs.GetErrors()[0].Message, "recursion limit") {
		return nil, &flaw{what: fmt.Sprintf("the expression is nested more than %d deep", maxNested), mend: "leave out parentheses that change nothing"}
	}
	at := 0
	if loc := errs.GetErrors()[0].Location; loc != nil {
		at = offsetOf(text, loc.Line(), loc.Column())
	}
	return nil, syntaxFlaw(text, at)
}

// offsetOf turns a 1-based line and 0-based column into an offset in code points.
func offsetOf(text string, line, column int) int {
	at := 0
	for i, l := range strings.SplitAfter(text, "\n") {
		if i+1 >= line {
			break
		}
		at += utf8.RuneCountInString(l)
	}
	return max(0, min(at+column, utf8.RuneCountInString(text)))
}

// syntaxFlaw says in plain words why a text does not parse, with the usual slips named.
func syntaxFlaw(text string, at int) *flaw {
	rest := string([]rune(text)[at:])
	f := &flaw{at: at, what: "the expression cannot be read from here on"}
	if rest == "" {
		f.what = "the expression ends too early"
	} else if word := firstWord(rest); word != "" {
		f.what = "the expression cannot be read at '" + word + "'"
	}
	before := strings.TrimRight(string([]rune(text)[:at]), " ")
	switch word := firstWord(strings.TrimSpace(rest)); {
	case lastWord(before) == "not" || strings.EqualFold(word, "not"):
		f.mend = "write ! for not"
	case strings.EqualFold(word, "like"), strings.EqualFold(word, "ilike"), strings.Contains(word, "~"):
		f.mend = `write title.contains("go"), or startsWith, endsWith`
	case strings.HasPrefix(rest, ",") && inParentheses.MatchString(before):
		f.mend = "write [ ] around the values: x in [a, b]"
	case strings.EqualFold(word, "and"):
		f.mend = "write && for and"
	case strings.EqualFold(word, "or"):
		f.mend = "write || for or"
	case strings.EqualFold(word, "is"):
		f.mend = "write == null or != null"
	case strings.HasPrefix(rest, "=") && !strings.HasPrefix(rest, "=="):
		f.mend = "write == to compare"
	case strings.HasPrefix(rest, "&") || strings.HasPrefix(rest, "|"):
		f.mend = "write && for and, || for or"
	case strings.Count(text, `"`)%2 == 1 || strings.Count(text, "'")%2 == 1:
		f.mend = "close the quotation mark"
	case strings.Count(text, "(") != strings.Count(text, ")"):
		f.mend = "every ( needs its )"
	}
	return f
}

// inParentheses matches up to the first comma of: x in (a, b).
var inParentheses = regexp.MustCompile(`\bin *\([^()]*$`)

// lastWord is the word at the end of s.
func lastWord(s string) string {
	return s[strings.LastIndexAny(s, " (!&|")+1:]
}

func firstWord(s string) string {
	end := strings.IndexFunc(s, func(r rune) bool { return r == ' ' || r == '(' || r == ')' })
	switch {
	case end == 0:
		return s[:1]
	case end > 0:
		s = s[:end]
	}
	if utf8.RuneCountInString(s) > 24 {
		s = string([]rune(s)[:24]) + "…"
	}
	return s
}
