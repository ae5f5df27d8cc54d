package contract

import (
	"fmt"
	"strings"
	"testing"
)

// generated is a contract of n resources as teams write them: a tenant, members
// with roles, references to earlier resources, rules over them, actions.
func generated(n int) []byte {
	var b strings.Builder
	b.WriteString(`mainstay: 1
name: generated
description: A large contract.

accounts:
  resource: User
  signup: open

rules:
  member:  tenant.members.exists(m, m.user == caller)
  manager: tenant.members.exists(m, m.user == caller && m.role in ["owner", "manager"])

resources:
  User:
    fields:
      email: email unique personal
      name:  string 1..120 personal
    access:
      read:   caller != null
      update: id == caller.id

  Tenant:
    fields:
      name:    string 1..120 search
      slug:    slug unique
      members: many Member.tenant
    access:
      read: members.exists(m, m.user == caller)

  Member:
    fields:
      tenant: Tenant fixed
      user:   User fixed
      role:   enum owner|manager|clerk
    unique: [[tenant, user]]
    access:
      read:  user == caller || member
      write: manager
`)
	for i := 3; i < n; i++ {
		fmt.Fprintf(&b, `
  # One of the things that a tenant keeps, number %[1]d.
  Thing%[1]d:
    fields:
      tenant:      Tenant fixed
      # What people call it.
      title:       string 3..120 search
      summary:     text optional
      status:      enum draft|open|paused|closed = draft readonly
      amount_low:  decimal 12,2 optional
      amount_high: decimal 12,2 optional
      quantity:    int 0..100000 = 1
      assignee:    User optional on delete clear
      due_on:      date optional index
      opened_at:   timestamp optional readonly
      tags:        [string 1..30]
      lines:       [{label: string 1..80, level: enum must|nice = must, amount: "decimal 12,2"}]
`, i)
		if i > 3 {
			fmt.Fprintf(&b, "      previous:    Thing%d optional\n", i-1)
		}
		if i+1 < n {
			fmt.Fprintf(&b, "      followers:   many Thing%d.previous\n", i+1)
		}
		fmt.Fprintf(&b, `    check:
      the range runs upwards: amount_low == null || amount_high == null || amount_low <= amount_high
    index: [[tenant, status, -created_at]]
    access:
      read:   status == "open" || member
      create: manager
      update, delete: manager || assignee == caller
      field amount_low, amount_high: member
    actions:
      open:  {move: status draft|paused -> open, allow: manager, set: {opened_at: now}}
      pause: {move: status open -> paused, allow: manager}
      close:
        move:  status open|paused -> closed
        allow: manager
        input: {reason: string 1..500}
        set:   {summary: input.reason}
    filters:
      paying: {input: "decimal 12,2", where: amount_high >= input}
`)
	}
	return []byte(b.String())
}

func TestTheGeneratedContractHasNoFaults(t *testing.T) {
	text := generated(200)
	c, faults := Parse(map[string][]byte{"contract.yaml": text})
	for _, f := range faults {
		t.Error(f)
	}
	if len(c.Resources) != 200 {
		t.Errorf("%d resources", len(c.Resources))
	}
	tidy, err := Format("contract.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	if string(tidy) != string(text) {
		t.Error("the generated contract is not in canonical layout")
	}
}

// BenchmarkParse: 200 resources, to be well under 60 ms.
func BenchmarkParse(b *testing.B) {
	text := generated(200)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, faults := Parse(map[string][]byte{"contract.yaml": text}); len(faults) > 0 {
			b.Fatal(faults[0])
		}
	}
}

// BenchmarkFormat lays out the same contract.
func BenchmarkFormat(b *testing.B) {
	text := generated(200)
	for b.Loop() {
		if _, err := Format("contract.yaml", text); err != nil {
			b.Fatal(err)
		}
	}
}
