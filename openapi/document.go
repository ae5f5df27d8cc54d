// Package openapi describes a contract's API: the OpenAPI document that tools
// and clients are made from, and the page that people read it on. It adds
// nothing to the contract and knows nothing of how requests are carried out:
// one contract gives the same bytes every time.
package openapi

import (
	"cmp"
	"strings"

	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/problem"
)

// Options say which form of the document is wanted; the zero value is useful.
type Options struct {
	// Version is the OpenAPI version: "3.1" (the default) or "3.0" for tools that know no newer one.
	Version string
	// Server is the address that the base path is under, such as
	// "https://api.example.org"; empty: where the document came from.
	Server string
}

// Document is the OpenAPI document of c as JSON: 3.1.0, or 3.0.3 on request.
// Its schemas are flat, so that generators make a class of each and no more.
func Document(c *contract.Contract, o Options) ([]byte, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	d := &document{contract: c, three0: o.Version == "3.0", names: names{}, defined: map[schemaKey]string{}, tagged: map[string]bool{}}
	for _, r := range c.Resources {
		d.names.take(r.Name)
	}
	d.parameters = d.controlWords()
	d.defineRecords()
	paths := d.paths()
	version := "3.1.0"
	if d.three0 {
		version = "3.0.3"
	}
	root := object{
		{"openapi", version},
		{"info", d.info()},
		{"servers", []object{{{"url", strings.TrimSuffix(o.Server, "/") + c.BasePath}}}},
	}
	if c.Accounts != nil {
		root = append(root, member{"security", []object{{{"bearer", []string{}}}, {}}})
	}
	root = append(root,
		member{"tags", d.tags()},
		member{"paths", paths},
		member{"components", d.components()})
	return append(appendJSON(nil, root, 0), '\n'), nil
}

func (o Options) check() error {
	if o.Version == "" || o.Version == "3.1" || o.Version == "3.0" {
		return nil
	}
	return problem.Errorf(problem.InvalidParameter, "the version of an OpenAPI document is 3.1 or 3.0")
}

// document is a document being made.
type document struct {
	contract   *contract.Contract
	three0     bool  // 3.0.3 rather than 3.1.0
	names      names // of schemas
	schemas    object
	parameters object               // described once
	defined    map[schemaKey]string // what a schema is for → its name
	tagged     map[string]bool      // tags that operations carry
}

func (d *document) info() object {
	return object{{"title", d.contract.Name}}.
		with("description", d.contract.Description).
		with("version", cmp.Or(strings.Trim(d.contract.BasePath, "/"), "1"))
}

// defineRecords puts the schemas of each resource together, in the contract's order.
func (d *document) defineRecords() {
	for _, r := range d.contract.Resources {
		if len(r.Access) == 0 {
			continue
		}
		if isReadable(r) {
			d.record(r)
		}
		if mayCreate(r) {
			d.input(r, create)
		}
		if mayUpdate(r) {
			d.input(r, update)
		}
		if isReadable(r) {
			d.page(r)
		}
	}
}

// tags are one for each resource, and one for what belongs to none.
func (d *document) tags() []object {
	var tags []object
	for _, r := range d.contract.Resources {
		if len(r.Access) > 0 {
			tags = append(tags, object{{"name", r.Name}}.with("description", r.Description))
		}
	}
	for _, t := range []object{
		{{"name", accountTag}, {"description", "Signing up, in and out, and API keys."}},
		{{"name", batchTag}, {"description", "Several operations in one transaction."}},
	} {
		if d.tagged[t.get("name").(string)] {
			tags = append(tags, t)
		}
	}
	return tags
}

func (d *document) components() object {
	responses := d.sharedResponses() // defines schemas
	o := object{
		{"schemas", d.schemas},
		{"responses", responses},
		{"parameters", d.parameters},
		{"headers", sharedHeaders()},
	}
	if d.contract.Accounts != nil {
		o = append(o, member{"securitySchemes", object{{"bearer", object{
			{"type", "http"}, {"scheme", "bearer"},
			{"description", "The token of signing in, or an API key."},
		}}}})
	}
	return o
}

// example adds an example to a schema.
func (d *document) example(s object, example object) object {
	if len(example) == 0 {
		return s
	}
	if d.three0 {
		return append(s, member{"example", example})
	}
	return append(s, member{"examples", []object{example}})
}
