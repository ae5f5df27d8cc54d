package rule

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mainstay-run/mainstay/contract"
)

func TestCompileTellsFaultsOfExpressionsBesideThoseOfTheContract(t *testing.T) {
	c, faults := contract.Parse(map[string][]byte{"contract.yaml": []byte(`
mainstay: 1
name: shop
rules:
  noted: note != null
resources:
  Order:
    fields:
      name: string 1..80
      note: textt
    access:
      read:   nme == "x"
      create: note == 1
      update: noted && nme == "x"
      delete: "true"
`)})
	if len(faults) != 1 {
		t.Fatalf("the contract has %v, want one fault", faults)
	}
	_, faults = Compile(c)
	// What names a field of unknown type is left until that is mended.
	if len(faults) != 1 || !strings.Contains(faults[0].String(), "Order.access.read") {
		t.Errorf("the expressions have %v, want the one fault of access.read", faults)
	}
}

func TestAnInputOfNoTypeIsNoFaultOfItsExpression(t *testing.T) {
	c, faults := contract.Parse(map[string][]byte{"contract.yaml": []byte(`
mainstay: 1
name: shop
resources:
  Order:
    fields:
      price: decimal 12,2 optional index
      note:  text optional readonly
    access:
      read: true
    filters:
      paying: {input: decimal 12,2, where: price >= input}
    actions:
      remark:
        allow: input.text != ""
        input: {text: textt}
        set:   {note: input.text}
`)})
	if len(faults) != 2 {
		t.Fatalf("the contract has %v, want two faults", faults)
	}
	if _, faults = Compile(c); len(faults) > 0 {
		t.Errorf("the expressions have %v, want none", faults)
	}
}

func TestMisspeltAccountsAreNoFaultOfThoseWhoAskForTheCaller(t *testing.T) {
	for _, accounts := range []string{"{resource: Usr}", "Usr"} {
		c, faults := contract.Parse(map[string][]byte{"contract.yaml": []byte(`
mainstay: 1
name: shop
accounts: ` + accounts + `
rules:
  mine: owner == caller
resources:
  User:
    fields:
      email: email unique
    access:
      all: id == caller.id
  Order:
    fields:
      owner: User = caller fixed
    access:
      all: mine
`)})
		if len(faults) != 1 {
			t.Fatalf("accounts: %s: the contract has %v, want one fault", accounts, faults)
		}
		if _, faults = Compile(c); len(faults) > 0 {
			t.Errorf("accounts: %s: the expressions have %v, want none", accounts, faults)
		}
	}
}

func TestDeepParenthesesAreNamed(t *testing.T) {
	_, f := parse(strings.Repeat("(", 100) + "a == 1" + strings.Repeat(")", 100))
	if f == nil || !strings.Contains(f.what, "nested more than 64 deep") {
		t.Errorf("%+v", f)
	}
}

func TestOneMistakeIsToldOnceAtItsPlace(t *testing.T) {
	const text = `
mainstay: 1
name: shop
accounts:
  resource: User
rules:
  mine: owner == caller
  kept: mine && name != null
resources:
  User:
    fields:
      email: email unique
  Order:
    fields:
      owner: User = caller fixed
      name: string 1..80
      state: enum new|paid = new
      price: decimal 12,2 optional
      note: text optional
    access:
      all: mine
      field note: kept
    actions:
      mark:
        allow: kept
        input: {because: string 1..80}
        set: {note: input.because}
`
	for _, tt := range []struct{ name, from, to, want string }{
		{"named rule", "mine: owner ==", "mine: ownr ==", "contract.yaml:7:9: rules.mine: Order has no field 'ownr' (used in Order.access.read); did you mean 'owner'?"},
		{"two mistakes in a named rule", "mine: owner == caller", "mine: ownr == caller && nme == null", `contract.yaml:7:9: rules.mine: Order has no field 'ownr' (used in Order.access.read); did you mean 'owner'?
contract.yaml:7:27: rules.mine: Order has no field 'nme' (used in Order.access.read); did you mean 'name'?`},
		{"rule within a rule", "name != null", "nme != null", "contract.yaml:8:17: rules.kept: Order has no field 'nme' (used in Order.access.field); did you mean 'name'?"},
		{"rule that uses itself", "mine: owner == caller", "mine: owner == caller || mine", "contract.yaml:7:28: rules.mine: the rule 'mine' uses itself (used in Order.access.read)"},
		{"rule on several lines", "mine: owner == caller", "mine: |\n    owner == caller\n    && nme == null", "contract.yaml:9:8: rules.mine: Order has no field 'nme' (used in Order.access.read); did you mean 'name'?"},
		{"action without allow", "        allow: kept\n", "", "contract.yaml:24:7: Order.actions.mark: says nobody who may do it; write 'allow: …'"},
		{"default of a type that is none", "note: text optional", "note: boolean = true", "contract.yaml:19:13: Order.note: no type 'boolean'; write bool"},
		{"default that is no text", "name: string 1..80", "name: string = Vienna", `contract.yaml:16:22: Order.name: no field 'Vienna' to take the default from; a text stands in double quotes: "Vienna" (within YAML's quotes in the long form: '"Vienna"')`},
		{"default that is no word", "= new", `= "paidd"`, `contract.yaml:17:30: Order.state: the default "paidd" is no value of enum; write new or paid`},
		{"default that is no bare word", "= new", "= paidd", "contract.yaml:17:30: Order.state: the default 'paidd' is none of the enum's words; did you mean 'paid'?"},
		{"default that is no decimal", "12,2 optional", "12,2 = 9.5", `contract.yaml:18:29: Order.price: the default 9.5 is no value of decimal; write decimal("9.5")`},
		{"input by its bare name", "input.because", "because", "contract.yaml:27:21: Order.actions.mark.set.note: Order has no field 'because'; write input.because"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if !strings.Contains(text, tt.from) {
				t.Fatalf("%q is not in the contract", tt.from)
			}
			c, faults := contract.Parse(map[string][]byte{"contract.yaml": []byte(strings.Replace(text, tt.from, tt.to, 1))})
			_, more := Compile(c)
			var lines []string
			for _, f := range contract.Sort(append(faults, more...)) {
				if !f.Warning {
					lines = append(lines, f.String())
				}
			}
			if diff := cmp.Diff(tt.want, strings.Join(lines, "\n")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
