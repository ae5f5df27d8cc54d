package mongo

import (
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mainstay-run/mainstay/store"
)

// The plans are of the forms that MongoDB 5 to 8 document.
func TestPlansAreUnderstood(t *testing.T) {
	for _, tt := range []struct {
		name, plan     string
		scans, indexes []string
		sorts          bool
	}{
		{"an index", `{"stage": "LIMIT", "inputStage": {"stage": "PROJECTION_SIMPLE", "inputStage": {"stage": "FETCH", "inputStage": {"stage": "IXSCAN", "indexName": "items__number"}}}}`, nil, []string{"items__number"}, false},
		{"the whole collection", `{"stage": "COLLSCAN", "direction": "forward"}`, []string{"items"}, nil, false},
		{"a sort", `{"stage": "SORT", "inputStage": {"stage": "FETCH", "inputStage": {"stage": "IXSCAN", "indexName": "items__name"}}}`, nil, []string{"items__name"}, true},
		{"two indexes", `{"stage": "FETCH", "inputStage": {"stage": "OR", "inputStages": [{"stage": "IXSCAN", "indexName": "a"}, {"stage": "IXSCAN", "indexName": "b"}]}}`, nil, []string{"a", "b"}, false},
		{"by id", `{"stage": "IDHACK"}`, nil, []string{"_id_"}, false},
		{"by id, since 8", `{"stage": "EXPRESS_IXSCAN", "keyPattern": "{ _id: 1 }"}`, nil, []string{"_id_"}, false},
		{"the other engine", `{"queryPlan": {"stage": "FETCH", "inputStage": {"stage": "IXSCAN", "indexName": "items__name"}}, "slotBasedPlan": {}}`, nil, []string{"items__name"}, false},
		{"a sharded cluster", `{"stage": "SINGLE_SHARD", "shards": [{"shardName": "a", "winningPlan": {"stage": "COLLSCAN"}}]}`, []string{"items"}, nil, false},
	} {
		var d bson.D
		if err := bson.UnmarshalExtJSON([]byte(tt.plan), false, &d); err != nil {
			t.Fatal(err)
		}
		raw, err := bson.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		plan := &store.Plan{}
		understand(plan, raw, "items")
		if !slices.Equal(plan.Scans, tt.scans) || !slices.Equal(plan.Indexes, tt.indexes) || plan.Sorts != tt.sorts {
			t.Errorf("%s: %+v", tt.name, plan)
		}
	}
}
