package contract_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/rule"
)

// TestTheExpressionsOfTheExamplesAreSound compiles what this room only reads as
// text: the documentation's examples and the tour of the language.
func TestTheExpressionsOfTheExamplesAreSound(t *testing.T) {
	examples := map[string]string{}
	document, err := os.ReadFile("../docs/contract.md")
	if err != nil {
		t.Fatal(err)
	}
	for i, block := range strings.Split(string(document), "```yaml\n")[1:] {
		text, _, _ := strings.Cut(block, "```")
		if !strings.Contains(text, "mainstay:") {
			text += "mainstay: 1\nname: test\n"
		}
		examples[fmt.Sprintf("docs/contract.md, example %d", i+1)] = text
	}
	for _, name := range []string{"testdata/tour.yaml", "testdata/hiring/contract.yaml"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		examples[name] = string(text)
	}
	for name, text := range examples {
		c, faults := contract.Parse(map[string][]byte{name: []byte(text)})
		if len(faults) == 0 {
			_, faults = rule.Compile(c)
		}
		for _, f := range faults {
			t.Error(f)
		}
	}
}
