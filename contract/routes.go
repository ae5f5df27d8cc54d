package contract

import "strings"

// Route is one method and path of the API.
type Route struct {
	Method string
	// Path is under the contract's base path; "{id}" stands for a record's id or key.
	Path string
	// Operation is the id in the API document: "listPostings". The two spellings of
	// a long query have one.
	Operation string
	// Kind says what it does: list get create update replace delete action aggregate
	// count query export bulk update_where delete_where nested transact signup login
	// logout me password create_key list_keys delete_key.
	Kind     string
	Resource string // "" for auth and transact
	Action   string // of an action
	Many     string // the many field of a nested list
	Format   string // ndjson or csv, of an export
	// Nobody is true when no rule of the contract could ever admit anybody: the
	// route answers 401 or 403 (reads: nothing) and is left out of the API document.
	Nobody bool
}

// Routes lists every route: the resources in the contract's order, then sign-in,
// then the transaction. A resource without access has none.
func Routes(c *Contract) []Route {
	size := 8
	for _, r := range c.Resources {
		size += 16 + len(r.Actions) + len(r.Fields)/4
	}
	routes := make([]Route, 0, size)
	for _, r := range c.Resources {
		if len(r.Access) > 0 {
			routes = appendResource(routes, r)
		}
	}
	if c.Accounts != nil {
		routes = appendAuth(routes, c.Accounts)
	}
	return append(routes, Route{Method: "POST", Path: "/batch", Operation: "transact", Kind: "transact"})
}

func (r *Resource) admits(operation string) bool {
	for _, a := range r.Access {
		if a.Operation == operation && a.Expr.Source != "false" {
			return true
		}
	}
	return false
}

func appendResource(routes []Route, r *Resource) []Route {
	one, path := r.Name, "/"+r.Path
	words := plurals(r.Name)
	many := pascal(strings.Join(words, " "))
	read := r.admits("read")
	create := r.admits("create")
	update := r.admits("update") && read
	remove := r.admits("delete") && read
	add := func(method, path, operation, kind string, open bool) *Route {
		routes = append(routes, Route{Method: method, Path: path, Operation: operation, Kind: kind, Resource: r.Name, Nobody: !open})
		return &routes[len(routes)-1]
	}
	add("GET", path, "list"+many, "list", read)
	add("POST", path, "create"+one, "create", create)
	add("PATCH", path, "updateMany"+many, "update_where", update)
	add("DELETE", path, "deleteMany"+many, "delete_where", remove)
	add("QUERY", path, "query"+many, "query", read)
	add("POST", path+"/query", "query"+many, "query", read)
	add("GET", path+"/aggregate", "aggregate"+many, "aggregate", read)
	add("GET", path+"/count", "count"+many, "count", read)
	add("POST", path+"/batch", "batch"+many, "bulk", create || update || remove)
	add("GET", path+".ndjson", "export"+many+"Ndjson", "export", read).Format = "ndjson"
	add("GET", path+".csv", "export"+many+"Csv", "export", read).Format = "csv"
	add("GET", path+"/{id}", "get"+one, "get", read)
	add("PATCH", path+"/{id}", "update"+one, "update", update)
	add("PUT", path+"/{id}", "replace"+one, "replace", create || update)
	add("DELETE", path+"/{id}", "delete"+one, "delete", remove)
	for _, f := range r.Fields {
		if f.Type.Name == "many" && len(f.Type.Target.Access) > 0 {
			add("GET", path+"/{id}/"+kebab(f.Name), "list"+one+pascal(f.Name), "nested", read && f.Type.Target.admits("read")).Many = f.Name
		}
	}
	for _, a := range r.Actions {
		add("POST", path+"/{id}/"+kebab(a.Name), camel(a.Name)+one, "action", read && a.Allow.Source != "false").Action = a.Name
	}
	return routes
}

func appendAuth(routes []Route, a *Accounts) []Route {
	add := func(method, path, operation, kind string, open bool) {
		routes = append(routes, Route{Method: method, Path: "/auth/" + path, Operation: operation, Kind: kind, Nobody: !open})
	}
	add("POST", "signup", "signup", "signup", a.Signup != "closed")
	add("POST", "login", "login", "login", true)
	add("POST", "logout", "logout", "logout", true)
	add("GET", "me", "me", "me", true)
	add("POST", "password", "changePassword", "password", true)
	if a.APIKeys {
		add("GET", "keys", "listAuthKeys", "list_keys", true)
		add("POST", "keys", "createAuthKey", "create_key", true)
		add("DELETE", "keys/{id}", "deleteAuthKey", "delete_key", true)
	}
	return routes
}
