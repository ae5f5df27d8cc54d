package main

import "testing"

func TestADatabaseIsShownWithoutItsPassword(t *testing.T) {
	for url, want := range map[string]string{
		"sqlite:data.db":                        "sqlite:data.db",
		"sqlite:my data.db":                     "'sqlite:my data.db'",
		"postgres://ann@db.example/shop":        "postgres://ann@db.example/shop",
		"postgres://ann:secret@db.example/shop": "postgres://ann:xxxxx@db.example/shop",
		"postgres:///shop?host=/run&password=secret&sslpassword=secret": "'postgres:///shop?host=%2Frun&password=xxxxx&sslpassword=xxxxx'",
		"postgres://ann:sec%ret@db.example/shop":                        "postgres://…",
	} {
		at, err := parseDatabase(url)
		if err != nil {
			t.Fatal(err)
		}
		if got := at.shown(); got != want {
			t.Errorf("%s is shown as %s, want %s", url, got, want)
		}
	}
}
