package engine

import (
	"fmt"
	"testing"
)

func BenchmarkCreate(b *testing.B) {
	w := openWorkshop(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		w.id(w.ann, "POST /tasks", fmt.Sprintf(`{"team":%q,"title":"Saw wood %d","effort":1,"price":"2.50","note":"oak"}`, w.acme, i))
	}
}

func BenchmarkPatch(b *testing.B) {
	w := openWorkshop(b)
	id := w.task("")
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := w.do(w.ann, "PATCH /tasks/"+id, fmt.Sprintf(`{"ratio":%f}`, 1/float64(i+1))); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPatchMeter(b *testing.B) {
	w := openWorkshop(b)
	id := w.id(w.ann, "POST /meters", `{"name":"m","tally":0}`)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := w.do(w.ann, "PATCH /meters/"+id, fmt.Sprintf(`{"notes":"%d"}`, i)); err != nil {
			b.Fatal(err)
		}
	}
}
