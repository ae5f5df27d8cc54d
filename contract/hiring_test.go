package contract

import "testing"

func TestLoadReadsTheWholeExample(t *testing.T) {
	c, faults := Load("testdata/hiring")
	for _, f := range faults {
		t.Error(f)
	}
	for _, u := range c.Unbuilt {
		t.Log(u)
	}
	for _, r := range Routes(c) {
		t.Logf("%-6s %-45s %-30s %-12s %v", r.Method, r.Path, r.Operation, r.Kind, r.Nobody)
	}
}
