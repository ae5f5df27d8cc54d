package rule

import (
	"strings"
	"testing"

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
