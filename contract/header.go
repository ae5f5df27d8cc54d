package contract

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

func (l *loader) header(s sections) {
	version, ok := s.single["mainstay"]
	switch {
	case !ok:
		l.fault(s.first, "", "the version of the contract's language is missing", "begin with 'mainstay: 1'")
	case version.value.isBroken():
	case version.value.n.Value != "1":
		l.fault(version.value.pos(), "mainstay", fmt.Sprintf("this program reads version 1, not '%s'", version.value.n.Value), "write 'mainstay: 1'")
	}
	if name, ok := s.single["name"]; !ok {
		l.fault(s.first, "", "the contract has no name", "write 'name: …', in lower-case letters, digits and hyphens")
	} else if t, ok := l.word(name.value, "name"); ok {
		if !contractName.MatchString(t.s) {
			l.fault(t.pos, "name", fmt.Sprintf("'%s' is no name for a contract", t.s), "use lower-case letters, digits and hyphens, at most 50")
		}
		l.c.Name = t.s
	}
	if d, ok := s.single["description"]; ok {
		if t, ok := l.word(d.value, "description"); ok {
			l.c.Description = strings.TrimSpace(t.s)
		}
	}
	if base, ok := s.single["base"]; ok {
		l.base(base.value)
	}
	if cors, ok := s.single["cors"]; ok {
		l.cors(cors)
	}
}

var (
	contractName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,49}$`)
	basePath     = regexp.MustCompile(`^(/[a-z0-9][a-z0-9._-]*)+$`)
)

func (l *loader) base(v node) {
	t, ok := l.word(v, "base")
	if !ok {
		return
	}
	if t.s == "/" {
		l.c.BasePath = ""
		return
	}
	if !basePath.MatchString(t.s) {
		l.fault(t.pos, "base", fmt.Sprintf("'%s' is no path", t.s), "write it like '/v1' or '/api/v1': lower-case, with a slash before and none after")
		return
	}
	l.c.BasePath = t.s
}

func (l *loader) cors(section pair) {
	m, ok := l.record(section.value, "cors", "origins", "credentials")
	if !ok {
		return
	}
	if c, ok := m["credentials"]; ok {
		l.c.CORS.Credentials, _ = l.boolean(c.value, "cors.credentials")
	}
	origins, ok := m["origins"]
	if !ok {
		l.fault(section.key.pos(), "cors", "names no origins", "write 'origins: [https://app.example.com]'")
		return
	}
	for _, t := range l.words(origins.value, "cors.origins") {
		switch {
		case t.s == "*" && l.c.CORS.Credentials:
			l.fault(t.pos, "cors.origins", "'*' with credentials would let every site act for a signed-in user", "list the origins, or leave credentials out")
		case t.s == "*" && len(origins.value.n.Content) > 1:
			l.fault(t.pos, "cors.origins", "'*' stands beside other origins", "'*' alone means every origin")
		case t.s != "*" && !isOrigin(t.s):
			l.fault(t.pos, "cors.origins", fmt.Sprintf("'%s' is no origin", t.s), "write scheme and host as browsers send them, without a path: https://app.example.com")
		default:
			l.c.CORS.Origins = append(l.c.CORS.Origins, t.s)
		}
	}
}

func isOrigin(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.Scheme+"://"+u.Host == s && strings.ToLower(s) == s && !strings.Contains(s, "*")
}

// accounts reads who can sign in; the resource's fields are there already.
func (l *loader) accounts(section pair) {
	if section.name == "" {
		return
	}
	a := &Accounts{MinLength: 8, Signup: "closed", Pos: section.key.pos()}
	l.c.Accounts = a
	m, ok := l.record(section.value, "accounts", "resource", "password", "signup", "api_keys")
	if !ok {
		return
	}
	if p, ok := m["password"]; ok {
		if pm, ok := l.record(p.value, "accounts.password", "min"); ok {
			if least, ok := pm["min"]; ok {
				if n, ok := l.number(least.value, "accounts.password.min", 8, 128); ok {
					a.MinLength = n
				}
			}
		}
	}
	if p, ok := m["signup"]; ok {
		if t, ok := l.oneOf(p.value, "accounts.signup", "open", "invited", "closed"); ok {
			a.Signup = t.s
			if t.s == "invited" {
				l.unbuilt(t.pos, "accounts.signup", "signing up by invitation is")
			}
		}
	}
	if p, ok := m["api_keys"]; ok {
		a.APIKeys, _ = l.boolean(p.value, "accounts.api_keys")
	}
	r, ok := m["resource"]
	if !ok {
		l.fault(section.key.pos(), "accounts", "names no resource", "write 'resource: User', the resource whose records sign in")
		return
	}
	t, ok := l.word(r.value, "accounts.resource")
	if !ok {
		return
	}
	if a.Resource = l.resource(t.s); a.Resource == nil {
		l.unknown(t.pos, "accounts.resource", "resource", t.s, l.resourceNames())
		return
	}
	l.accountFields(a, t.pos)
}

func (l *loader) accountFields(a *Accounts, pos Pos) {
	name := a.Resource.Name
	email := a.Resource.Field("email")
	const mend = "write 'email: email unique' among its fields"
	if email == nil {
		l.fault(pos, "accounts.resource", fmt.Sprintf("%s has no field 'email' to sign in with", name), mend)
		return
	}
	a.Email = email
	if email.Type.Name == "unknown" {
		return
	}
	const what = "accounts sign in with this field: it is of type email, unique and required"
	switch {
	case email.Type.Name != "email":
		l.fault(email.Pos, name+".email", what, mend)
	case !email.Unique || email.Optional:
		l.fault(email.Pos, name+".email", what, namingWords(email))
	}
	if email.Readonly || email.Encrypted {
		l.fault(email.Pos, name+".email", "accounts sign in with this field: it is neither readonly nor encrypted", "take that word out")
	}
	if p := a.Resource.Field("password"); p != nil {
		l.fault(p.Pos, name+".password", "signing up takes a 'password' of its own, which is kept apart and hashed", "leave the field out")
	}
}

// rules reads the named rules.
func (l *loader) rules(entries []pair) {
	for _, p := range entries {
		place := "rules." + p.name
		if !isName(p.name, false, true, 50) {
			l.fault(p.key.pos(), place, fmt.Sprintf("'%s' is no name for a rule", p.name), "use letters, digits and _, beginning with a lower-case letter")
		}
		if reserved[p.name] {
			l.fault(p.key.pos(), place, fmt.Sprintf("'%s' means something else in expressions", p.name), "choose another name, such as 'is_"+p.name+"'")
		}
		if e, ok := l.expr(p.value, place); ok {
			l.c.Rules = append(l.c.Rules, &NamedRule{Name: p.name, Expr: e, Pos: p.key.pos()})
		}
	}
}
