package server

import (
	"os"
	"path/filepath"
	"testing"
)

func TestFingerprintChangesWithTheContractAndNothingElse(t *testing.T) {
	folder := t.TempDir()
	if err := os.Mkdir(filepath.Join(folder, "contract"), 0o755); err != nil {
		t.Fatal(err)
	}
	last := fingerprint(folder)
	for _, tt := range []struct {
		name, file, content string
		changes             bool
	}{
		{"a contract", "contract.yaml", "a", true},
		{"saved unchanged", "contract.yaml", "a", false},
		{"changed", "contract.yaml", "b", true},
		{"a part", "contract/users.yaml", "c", true},
		{"something beside it", "README.md", "d", false},
		{"no YAML", "contract/notes.txt", "e", false},
	} {
		if err := os.WriteFile(filepath.Join(folder, tt.file), []byte(tt.content), 0o644); err != nil {
			t.Fatal(err)
		}
		now := fingerprint(folder)
		if (now != last) != tt.changes {
			t.Errorf("%s: changed is %v, want %v", tt.name, now != last, tt.changes)
		}
		last = now
	}
}
