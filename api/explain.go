package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/mainstay-run/mainstay/auth"
	"github.com/mainstay-run/mainstay/engine"
	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/rule"
)

// Prefer: explain asks how a read comes to its answer, instead of the answer. It is
// heard on the operator's side only: everywhere else it is a preference like any that
// is not known.

type permission struct{}

// PermitExplain marks a request as one that came in where the operator is. Nothing in
// a request itself can.
func PermitExplain(ctx context.Context) context.Context {
	return context.WithValue(ctx, permission{}, true)
}

// AsksToExplain reports whether a request carries Prefer: explain.
func AsksToExplain(r *http.Request) bool {
	for _, line := range r.Header["Prefer"] {
		for entry := range strings.SplitSeq(line, ",") {
			if word, _, _ := strings.Cut(entry, ";"); strings.EqualFold(strings.Trim(word, " \t"), "explain") {
				return true
			}
		}
	}
	return false
}

// Explainer explains reads, whatever their credentials, as who would get them, and
// looks for indexes that are missing.
func Explainer(e *engine.Engine, who *auth.Principal, set *rule.Set) http.Handler {
	h := newHandler(e, fixed{who}, set.Contract, set.Resource, Options{
		Explain: func(ctx context.Context, who *auth.Principal, op *engine.Operation) (*engine.Explanation, error) {
			return e.Explain(ctx, who, op, true)
		},
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = r.WithContext(PermitExplain(r.Context()))
		r.Header = http.Header{"Prefer": {"explain"}, "Authorization": {"fixed"}}
		h.ServeHTTP(w, r)
	})
}

// fixed is the identifier for whom everybody is the same principal.
type fixed struct{ who *auth.Principal }

func (f fixed) Identify(context.Context, string) (*auth.Principal, error) { return f.who, nil }

// explains reports whether this request is explained rather than answered.
func (x *exchange) explains() bool {
	return x.h.opts.Explain != nil && len(x.r.Header["Prefer"]) > 0 && AsksToExplain(x.r) && x.r.Context().Value(permission{}) == true
}

// explain answers how the read would be answered.
func (x *exchange) explain() error {
	if x.endpoint.account != nil || !x.safe() {
		return problem.Errorf(problem.InvalidParameter, "only reads can be explained")
	}
	found, err := x.h.opts.Explain(x.ctx, x.who, &x.op)
	if err != nil {
		return err
	}
	body, err := json.Marshal(found)
	if err != nil {
		return err
	}
	header := x.w.Header()
	header["Content-Type"] = jsonType
	header["Cache-Control"] = noStore
	header["Preference-Applied"] = []string{"explain"}
	x.write(http.StatusOK, body, nil)
	return nil
}
