package openapi

import (
	"bytes"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"
)

// YAML writes a JSON document as YAML, with its members in the same order and
// texts of several lines as such.
func YAML(document []byte) ([]byte, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(document, &root); err != nil {
		return nil, fmt.Errorf("openapi: reading JSON as YAML: %w", err)
	}
	bare(&root)
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(&root); err != nil {
		return nil, fmt.Errorf("openapi: writing YAML: %w", err)
	}
	return b.Bytes(), nil
}

// bare takes JSON's brackets and quotes off; the encoder puts quotes back where
// a text would read as something else.
func bare(n *yaml.Node) {
	n.Style = 0
	switch {
	case n.Kind == yaml.ScalarNode && n.Tag == "!!str" && strings.Contains(n.Value, "\n"):
		n.Style = yaml.LiteralStyle
	case n.Kind == yaml.SequenceNode && len(n.Content) == 0, n.Kind == yaml.MappingNode && len(n.Content) == 0:
		n.Style = yaml.FlowStyle
	}
	for _, child := range n.Content {
		bare(child)
	}
}
