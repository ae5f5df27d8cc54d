package api

import "github.com/mainstay-run/mainstay/engine"

// accountOperations are signing up, in and out, the password and the API keys, by the kind of
// a contract.Route. Their answers may hold a secret, so none is compressed.
var accountOperations = map[string]operation{
	"signup": {anonymous: true, takes: takesJSON, made: true, plain: true, makes: jsonType, account: signup},
	"login":  {anonymous: true, takes: takesJSON, plain: true, makes: jsonType, account: login},
	"logout": {plain: true, account: func(x *exchange) (*engine.Result, error) {
		return x.h.engine.Logout(x.ctx, x.who)
	}},
	"me": {plain: true, makes: jsonType, account: func(x *exchange) (*engine.Result, error) {
		return x.h.engine.Me(x.ctx, x.who)
	}},
	"password": {takes: takesJSON, plain: true, makes: jsonType, account: func(x *exchange) (*engine.Result, error) {
		return x.h.engine.ChangePassword(x.ctx, x.who, x.body, x.h.client(x.r))
	}},
	"create_key": {takes: takesJSON, made: true, plain: true, makes: jsonType, account: func(x *exchange) (*engine.Result, error) {
		return x.h.engine.CreateKey(x.ctx, x.who, x.body)
	}},
	"list_keys": {plain: true, makes: jsonType, account: func(x *exchange) (*engine.Result, error) {
		return x.h.engine.ListKeys(x.ctx, x.who)
	}},
	"delete_key": {plain: true, account: func(x *exchange) (*engine.Result, error) {
		return x.h.engine.DeleteKey(x.ctx, x.who, x.id)
	}},
}

func signup(x *exchange) (*engine.Result, error) {
	return x.h.engine.Signup(x.ctx, x.body, x.h.client(x.r))
}

func login(x *exchange) (*engine.Result, error) {
	return x.h.engine.Login(x.ctx, x.body, x.h.client(x.r))
}
