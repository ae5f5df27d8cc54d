package contract

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestEveryExampleOfTheDocumentationIsAContract reads the ```yaml blocks of docs/contract.md.
func TestEveryExampleOfTheDocumentationIsAContract(t *testing.T) {
	text, err := os.ReadFile("../docs/contract.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(text), "```yaml\n")
	for i, block := range blocks[1:] {
		example, _, _ := strings.Cut(block, "```")
		line := strings.Count(strings.Join(blocks[:i+1], "```yaml\n"), "\n") + 1
		t.Run(fmt.Sprintf("line %d", line), func(t *testing.T) {
			src := withHeader([]byte(example))
			_, faults := Parse(map[string][]byte{"example": src})
			for _, f := range faults {
				t.Error(f)
			}
			checkFormat(t, src)
		})
	}
	if len(blocks) < 10 {
		t.Errorf("only %d examples found", len(blocks)-1)
	}
}

// TestTheDocumentationNamesEveryWord holds docs/contract.md beside the parser's lists.
func TestTheDocumentationNamesEveryWord(t *testing.T) {
	text, err := os.ReadFile("../docs/contract.md")
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for _, list := range [][]string{singles, merging, resourceKeys, longKeys, typeNames, fieldWordList, operationNames} {
		words = append(words, list...)
	}
	for _, w := range words {
		if !strings.Contains(string(text), "`"+w) && !strings.Contains(string(text), w+":") && !strings.Contains(string(text), w+"`") {
			t.Errorf("docs/contract.md does not name %s", w)
		}
	}
	for name, k := range kinds {
		if k.widest == 0 {
			continue
		}
		want := fmt.Sprintf("`%d..%d`", k.low, k.high)
		if k.low == 0 && name != "text" {
			want = fmt.Sprintf("`..%d`", k.high)
		}
		row := ""
		for _, line := range strings.Split(string(text), "\n") {
			if strings.HasPrefix(line, "| `"+name+"` |") {
				row = line
			}
		}
		if !strings.Contains(row, want) {
			t.Errorf("docs/contract.md does not say %s for %s: %s", want, name, row)
		}
	}
}
