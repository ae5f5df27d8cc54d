package conformance

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// TestAContractThatBecomesBadLeavesTheLastGoodOne saves bad contracts under a
// running program: each is told with its place, and nobody who asks notices.
func TestAContractThatBecomesBadLeavesTheLastGoodOne(t *testing.T) {
	s := newShop(t)
	saved := filepath.Join(s.contract, "contract.yaml")
	mended := strings.Replace(shopContract, "create: true", "create: caller != null", 1)
	for _, tt := range []struct {
		name   string
		args   []string
		signal syscall.Signal // that tells it to load; 0: it sees by itself
		kept   string         // what it prints when it keeps the last one
	}{
		{"dev", []string{"dev", s.contract, "--listen", "127.0.0.1:0"}, 0, "the last good contract is still served"},
		{"serve", s.serve(), syscall.SIGHUP, "the last good one is"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s.save(t, shopContract)
			p := start(t, command(tt.args...))
			if p.url == "" {
				t.Fatalf("it does not start:\n%s", &p.out)
			}
			save := func(contract string) {
				s.save(t, contract)
				if tt.signal != 0 {
					if err := p.cmd.Process.Signal(tt.signal); err != nil {
						t.Fatal(err)
					}
				}
			}
			if a := ask(t, "POST", p.url+"/v1/items", `{"name":"x"}`); a.status != 201 {
				t.Fatalf("a first item: %d %s", a.status, a.body)
			}
			stop := asking(t, p.url+"/v1/items")
			for i, bad := range []struct{ name, contract, says string }{
				{"an unknown name in a rule", strings.Replace(shopContract, "read: id == caller.id", "read: idd == caller.id", 1),
					saved + ":11:13: User.access.read: User has no field 'idd'; did you mean 'id'?"},
				{"an unknown type", strings.Replace(shopContract, "email unique", "emial unique", 1), saved + ":9:14: User.email: no type 'emial'; did you mean 'email'?"},
				{"no YAML", strings.Replace(shopContract, "name: shop", "name: [shop", 1), saved + ":2:7: name: "},
				{"half of it", shopContract[:strings.Index(shopContract, "read: true")], saved + ":16:12: Item.access: is empty"},
				{"nothing", "", saved + ":1:1: "},
				{"what is not built yet", strings.Replace(shopContract, "note: text", "note: text personal encrypted", 1), saved + ":16:"},
				{"what the database cannot follow", strings.Replace(shopContract, "note: text", "remark: text", 1), "column items.note would be dropped: its values would be lost"},
				{"what a stored record does not satisfy", strings.Replace(shopContract, "string 1..80", "string 2..80", 1), "does not hold for 1 of the 1 records of items"},
			} {
				save(bad.contract)
				p.await(t, tt.kept, i+1)
				printed := p.out.String()
				if !strings.Contains(printed, bad.says) {
					t.Errorf("%s: it does not say %q:\n%s", bad.name, bad.says, printed)
				}
				if a := ask(t, "POST", p.url+"/v1/items", `{"name":"`+strings.Repeat("x", 81)+`"}`); a.status != 422 {
					t.Errorf("%s: what the last good contract refuses answers %d %s", bad.name, a.status, a.body)
				}
			}
			save(mended)
			p.await(t, "contract loaded", 1)
			if a := ask(t, "POST", p.url+"/v1/items", `{"name":"x"}`); a.status != 401 {
				t.Errorf("with the mended contract: %d %s", a.status, a.body)
			}
			if n := stop(); n == 0 {
				t.Error("nobody has asked meanwhile")
			}
			for line := range strings.Lines(p.out.String()) {
				if tt.name == "serve" && !json.Valid([]byte(line)) {
					t.Errorf("a line of the log is no JSON: %s", line)
				}
			}
			if code := p.stop(t); code != 0 || strings.Contains(p.out.String(), "goroutine ") {
				t.Errorf("it ends with %d:\n%s", code, &p.out)
			}
		})
	}
}

// asking gets url again and again until it is stopped, which tells how often;
// every answer must be 200.
func asking(t *testing.T, url string) (stop func() int) {
	done := make(chan struct{})
	var asker sync.WaitGroup
	n := 0
	asker.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			res, err := http.Get(url)
			if err == nil {
				_, err = io.Copy(io.Discard, res.Body)
				res.Body.Close()
				if err == nil && res.StatusCode != 200 {
					err = fmt.Errorf("status %d", res.StatusCode)
				}
			}
			if err != nil {
				t.Errorf("GET %s meanwhile: %v", url, err)
				return
			}
			n++
		}
	})
	return func() int { close(done); asker.Wait(); return n }
}
