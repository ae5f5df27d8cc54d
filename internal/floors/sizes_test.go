package floors

import (
	"fmt"
	"go/ast"
	"path"
	"slices"
)

const (
	maxMethods = 8
	maxLines   = 100
)

// tables are functions that may be longer because they are one table or one
// switch, which would be harder to read in pieces. Keep it short.
var tables = []string{"store/storetest.statements"}

// drawers are names under which anything could be put.
var drawers = []string{"types.go", "helpers.go", "helper.go", "misc.go", "utils.go", "util.go", "common.go"}

func sizes(f file) (faults []string) {
	if slices.Contains(drawers, path.Base(f.path)) {
		faults = append(faults, f.path+" is not named by a topic")
	}
	if ast.IsGenerated(f.ast) {
		return faults
	}
	for _, decl := range f.ast.Decls {
		switch decl := decl.(type) {
		case *ast.FuncDecl:
			lines := f.set.Position(decl.End()).Line - f.set.Position(decl.Pos()).Line + 1
			if lines > maxLines && !slices.Contains(tables, path.Dir(f.path)+"."+decl.Name.Name) {
				faults = append(faults, fmt.Sprintf("%s: %s has %d lines, more than %d", f.path, decl.Name.Name, lines, maxLines))
			}
		case *ast.GenDecl:
			faults = append(faults, wide(f, decl)...)
		}
	}
	return faults
}

func wide(f file, decl *ast.GenDecl) (faults []string) {
	for _, spec := range decl.Specs {
		named, ok := spec.(*ast.TypeSpec)
		if !ok {
			continue
		}
		iface, ok := named.Type.(*ast.InterfaceType)
		if ok && iface.Methods.NumFields() > maxMethods {
			faults = append(faults, fmt.Sprintf("%s: interface %s has %d methods, more than %d", f.path, named.Name, iface.Methods.NumFields(), maxMethods))
		}
	}
	return faults
}
