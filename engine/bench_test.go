package engine

import (
	"testing"
)

func BenchmarkGet(b *testing.B) {
	o := openOffice(b)
	o.crowd()
	dev := o.put("Department", values{"name": "Development", "slug": "dev2"})
	op := &Operation{Kind: Get, Resource: o.set.Resource("Department"), ID: dev.String()}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := o.e.Do(b.Context(), o.ann, op); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkList(b *testing.B) {
	o := openOffice(b)
	o.crowd()
	op := &Operation{Kind: List, Resource: o.set.Resource("Employee"), Query: Query{Filter: `age > 20`, Sort: "-age", Limit: "10", Include: "department"}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := o.e.Do(b.Context(), o.ann, op); err != nil {
			b.Fatal(err)
		}
	}
}
