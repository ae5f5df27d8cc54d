package main

import (
	"testing"

	"github.com/mainstay-run/mainstay/conformance"
)

func TestAConformReportNamesEveryFault(t *testing.T) {
	r := &conformReport{Database: "PostgreSQL 15.1", Scripts: []scriptReport{
		{Name: "lists", Requests: 3, Faults: []conformance.Fault{{Line: 7, Request: "GET /v1/items", Why: "status 500, want 200\nthe answer was"}}},
		{Name: "rules", Requests: 2},
		{Name: "batches", Lacking: "it has no transactions"},
	}}
	want := "lists          3 requests, 1 fault\n  lists.txtar:7: GET /v1/items\n    status 500, want 200\n    the answer was\n"
	if got := r.Scripts[0].String(); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	want = "5 requests in 2 scripts: 1 answer not as expected; 1 script not played, for what the database cannot do"
	if got := r.sum(); got != want || r.faults() != 1 {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	want = "## PostgreSQL 15.1\n" + want + ".\n\n| script | requests | |\n|---|---|---|\n| lists | 3 | **1 fault** |\n| rules | 2 | as expected |\n| batches | 0 | it has no transactions |\n"
	if got := r.markdown(); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
