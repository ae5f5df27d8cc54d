package openapi

import "github.com/mainstay-run/mainstay/contract"

// Tags beside those of the resources; no resource can be called so.
const (
	accountTag = "Sign-in"
	batchTag   = "Batch-operations"
)

func (d *document) signup(route) *operation {
	return &operation{
		tag:       accountTag,
		summary:   "Sign up",
		open:      true,
		body:      body(jsonMedia, d.signupBody()),
		responses: failing(object{{"201", answer("Signed up and in.", jsonMedia, d.session(), "Location")}}, everywhere, withBody, conflicts),
	}
}

// signupBody is the account's fields that may be set, and the password.
func (d *document) signupBody() object {
	account := d.contract.Accounts.Resource
	return d.named(account, signupForm, func() string { return d.names.take(account.Name+"Signup", account.Name+"SignupInput") }, func(string) object {
		var fields []*contract.Field
		for _, f := range settable(account, create) {
			if !f.Builtin {
				fields = append(fields, f)
			}
		}
		s := d.inputOf(fields, create, account.Name, checksInWords(account))
		for i, m := range s {
			switch m.name {
			case "required":
				s[i].value = append(m.value.([]string), "password")
			case "properties":
				s[i].value = append(m.value.(object), member{"password", d.newPassword()})
			}
		}
		return d.example(s, append(exampleInput(fields), member{"password", examplePassword}))
	})
}

const examplePassword = "correct horse battery"

func (d *document) newPassword() object {
	return object{{"type", "string"}, {"format", "password"}, {"minLength", d.contract.Accounts.MinLength}}
}

func (d *document) login(route) *operation {
	credentials := d.word("login", []string{"Login", "AccountLogin"}, func(string) object {
		return d.example(object{
			{"type", "object"},
			{"required", []string{"email", "password"}},
			{"properties", object{
				{"email", object{{"type", "string"}, {"format", "email"}}},
				{"password", object{{"type", "string"}, {"format", "password"}}},
			}},
			{"additionalProperties", false},
		}, object{{"email", "ann@example.org"}, {"password", examplePassword}})
	})
	return &operation{
		tag:         accountTag,
		summary:     "Sign in",
		description: "Send the token as `Authorization: Bearer …` from then on.",
		open:        true,
		body:        body(jsonMedia, credentials),
		responses:   failing(object{{"200", answer("Signed in.", jsonMedia, d.session())}}, everywhere, withBody),
	}
}

// session is a token with the account that it speaks for.
func (d *document) session() object {
	return d.word("session", []string{"Session", "AccountSession"}, func(string) object {
		return object{{"type", "object"}, {"required", []string{"token", "account"}}, {"properties", object{
			{"token", object{{"type", "string"}, {"description", "Shown only now."}}},
			{"account", d.record(d.contract.Accounts.Resource)},
		}}}
	})
}

func (d *document) logout(route) *operation {
	return &operation{
		tag:       accountTag,
		summary:   "Sign out",
		closed:    true,
		responses: failing(object{{"204", answer("The token is no longer valid.", "", nil)}}, everywhere),
	}
}

func (d *document) me(route) *operation {
	me := d.word("me", []string{"Me", "SignedIn"}, func(string) object {
		return object{{"type", "object"}, {"required", []string{"account"}}, {"properties", object{
			{"account", d.record(d.contract.Accounts.Resource)},
		}}}
	})
	return &operation{
		tag:       accountTag,
		summary:   "Who is signed in",
		closed:    true,
		responses: failing(object{{"200", answer("The account.", jsonMedia, me)}}, everywhere),
	}
}

func (d *document) password(route) *operation {
	input := d.word("password", []string{"PasswordChange", "AccountPasswordChange"}, func(string) object {
		return d.example(object{
			{"type", "object"},
			{"required", []string{"password", "new_password"}},
			{"properties", object{
				{"password", object{{"type", "string"}, {"format", "password"}}},
				{"new_password", d.newPassword()},
			}},
			{"additionalProperties", false},
		}, object{{"password", examplePassword}, {"new_password", "another horse battery"}})
	})
	return &operation{
		tag:         accountTag,
		summary:     "Change the password",
		description: "All sessions and API keys of the account end; the answer holds a new session.",
		closed:      true,
		body:        body(jsonMedia, input),
		responses:   failing(object{{"200", answer("Changed.", jsonMedia, d.session())}}, everywhere, withBody),
	}
}

func (d *document) createKey(route) *operation {
	input := d.word("key input", []string{"ApiKeyCreate", "AccountApiKeyCreate"}, func(string) object {
		return d.example(object{
			{"type", "object"},
			{"required", []string{"name"}},
			{"properties", object{
				{"name", object{{"type", "string"}, {"minLength", 1}, {"maxLength", 100}}},
				{"scopes", d.nullable(object{{"type", "array"}, {"items", object{{"type", "string"}}}}).
					with("description", "What the key may do: `read`, `write`, or one resource such as `"+d.exampleScope()+"`. Default: all that the account may.")},
			}},
			{"additionalProperties", false},
		}, object{{"name", "import"}, {"scopes", []any{"read"}}})
	})
	made := d.word("key made", []string{"ApiKeySecret", "AccountApiKeySecret"}, func(string) object {
		return object{{"type", "object"}, {"required", []string{"id", "name", "prefix", "scopes", "created_at", "key"}}, {"properties", append(d.keyMembers(),
			member{"key", object{{"type", "string"}, {"description", "The key itself. Shown only now."}}})}}
	})
	return &operation{
		tag:       accountTag,
		summary:   "Make an API key",
		closed:    true,
		body:      body(jsonMedia, input),
		responses: failing(object{{"201", answer("Made.", jsonMedia, made)}}, everywhere, withBody),
	}
}

func (d *document) keyMembers() object {
	return object{
		{"id", uuid()},
		{"name", object{{"type", "string"}}},
		{"prefix", object{{"type", "string"}, {"description", "How the key begins."}}},
		{"scopes", d.nullable(object{{"type", "array"}, {"items", object{{"type", "string"}}}})},
		{"created_at", object{{"type", "string"}, {"format", "date-time"}}},
	}
}

func (d *document) exampleScope() string {
	for _, r := range d.contract.Resources {
		if len(r.Access) > 0 {
			return r.Path + ":read"
		}
	}
	return "things:read"
}

func (d *document) listKeys(route) *operation {
	keys := d.word("keys", []string{"ApiKeyList", "AccountApiKeyList"}, func(string) object {
		key := d.word("key", []string{"ApiKey", "AccountApiKey"}, func(string) object {
			return object{{"type", "object"}, {"required", []string{"id", "name", "prefix", "scopes", "created_at"}}, {"properties", d.keyMembers()}}
		})
		return object{{"type", "object"}, {"required", []string{"items"}}, {"properties", object{
			{"items", object{{"type", "array"}, {"items", key}}},
		}}}
	})
	return &operation{
		tag:       accountTag,
		summary:   "List the account's API keys",
		closed:    true,
		responses: failing(object{{"200", answer("The keys, without their secrets.", jsonMedia, keys)}}, everywhere),
	}
}

func (d *document) deleteKey(route) *operation {
	return &operation{
		tag:     accountTag,
		summary: "Delete an API key",
		closed:  true,
		parameters: []object{{{"name", "id"}, {"in", "path"}, {"required", true},
			{"description", "The key's id."}, {"schema", uuid()}}},
		responses: failing(object{{"204", answer("The key is no longer valid.", "", nil)}}, everywhere),
	}
}
