package api

import (
	"net/http"

	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/engine"
	"github.com/mainstay-run/mainstay/rule"
)

// endpoint is one method on one path.
type endpoint struct {
	method string
	route  string // the path with {…}, as metrics and logs name it
	operation
	// The parts of an operation of the engine that the route alone decides.
	resource *rule.Resource
	parent   *rule.Resource
	many     string
	action   string
	format   string
}

// operation is what the endpoints of one kind have in common.
type operation struct {
	// handler answers without the engine: documentation, health. Nothing else below applies then.
	handler http.Handler
	// free: not counted among the requests under way.
	free bool

	kind engine.Kind
	// account, when set, is carried out instead of an operation of kind.
	account func(x *exchange) (*engine.Result, error)
	// anonymous: credentials are not looked at.
	anonymous bool
	words     words
	// takes are the media types of the body; nil: there must be none.
	takes []string
	// bodiless: the body may be absent.
	bodiless bool
	// document: the body holds the parameters.
	document bool
	// keyed: Idempotency-Key means something here.
	keyed bool
	// made: success is 201 even when no record's id is told.
	made bool
	// plain: never compressed, because the answer holds a secret.
	plain bool
	// makes is the media type of the answer.
	makes []string
}

var (
	jsonType    = []string{"application/json"}
	ndjsonType  = []string{"application/x-ndjson"}
	csvType     = []string{"text/csv; charset=utf-8; header=present"}
	problemJSON = []string{"application/problem+json"}
	linksetType = []string{`application/linkset+json; profile="https://www.rfc-editor.org/info/rfc9727"`}

	takesJSON  = []string{"application/json"}
	takesPatch = []string{"application/merge-patch+json", "application/json"}
)

const (
	whichWords = wordFilter | equalities
	shapeWords = wordFields | wordInclude
	listWords  = whichWords | shapeWords | wordSearch | wordSort | wordLimit | wordCursor | wordOffset | wordCount
)

// operations by the kind of a contract.Route.
var operations = map[string]operation{
	"list":         {kind: engine.List, words: listWords, makes: jsonType},
	"nested":       {kind: engine.List, words: listWords, makes: jsonType},
	"query":        {kind: engine.List, words: listWords, takes: takesJSON, document: true, makes: jsonType},
	"create":       {kind: engine.Create, words: shapeWords, takes: takesJSON, keyed: true, makes: jsonType},
	"get":          {kind: engine.Get, words: shapeWords, makes: jsonType},
	"update":       {kind: engine.Update, words: shapeWords, takes: takesPatch, keyed: true, makes: jsonType},
	"replace":      {kind: engine.Replace, words: shapeWords, takes: takesJSON, makes: jsonType},
	"delete":       {kind: engine.Delete},
	"action":       {kind: engine.Act, words: shapeWords, takes: takesJSON, bodiless: true, keyed: true, makes: jsonType},
	"aggregate":    {kind: engine.Aggregate, words: whichWords | wordSearch | wordBy | wordMeasures, makes: jsonType},
	"count":        {kind: engine.Count, words: whichWords | wordSearch, makes: jsonType},
	"export":       {kind: engine.Export, words: whichWords | wordSearch | wordFields | wordSort},
	"bulk":         {kind: engine.Bulk, words: wordAtomic | shapeWords, takes: takesJSON, keyed: true, makes: jsonType},
	"update_where": {kind: engine.UpdateWhere, words: whichWords | wordMaxAffected, takes: takesPatch, keyed: true, makes: jsonType},
	"delete_where": {kind: engine.DeleteWhere, words: whichWords | wordMaxAffected, makes: jsonType},
	"transact":     {kind: engine.Transact, takes: takesJSON, keyed: true, makes: jsonType},
}

// table builds the paths that are served: the contract's and those about it.
func table(c *contract.Contract, find func(name string) *rule.Resource, o Options) *node {
	root := &node{}
	for _, r := range contract.Routes(c) {
		ep := &endpoint{method: r.Method, route: c.BasePath + r.Path, action: r.Action, format: r.Format}
		var ok bool
		if ep.operation, ok = operations[r.Kind]; !ok {
			if ep.operation, ok = accountOperations[r.Kind]; !ok {
				panic("api: no operation for routes of kind " + r.Kind)
			}
		}
		if r.Resource != "" {
			ep.resource = find(r.Resource)
		}
		switch r.Kind {
		case "nested":
			ep.parent, ep.many = ep.resource, r.Many
			ep.resource = find(ep.parent.Field(r.Many).Type.Target.Name)
		case "export":
			ep.makes = exportTypes[r.Format]
		}
		root.add(ep)
	}
	addDocuments(root, c, o)
	root.finish()
	return root
}

var exportTypes = map[string][]string{"ndjson": ndjsonType, "csv": csvType}
