package mongo

import (
	"context"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/store"
)

// Explain tells the database's plan of the find with which q begins; what is asked
// afterwards about the documents found (relations, lists) is not in it.
func (d *Driver) Explain(ctx context.Context, q *query.Select, args []any) (*store.Plan, error) {
	s, err := d.statement(q)
	if err != nil {
		return nil, err
	}
	command, err := d.run(ctx, s, args).command()
	if err != nil {
		return nil, explained(ctx, err)
	}
	text, err := bson.MarshalExtJSON(command, false, false)
	if err != nil {
		return nil, explained(ctx, err)
	}
	raw, err := d.db.RunCommand(ctx, bson.D{{Key: "explain", Value: command}, {Key: "verbosity", Value: "queryPlanner"}}).Raw()
	if err != nil {
		return nil, explained(ctx, err)
	}
	plan := &store.Plan{Statement: string(text), Sorts: s.main.sort == nil && len(q.OrderBy) > 0}
	var answer struct {
		Planner struct {
			Winning bson.Raw `bson:"winningPlan"`
		} `bson:"queryPlanner"`
	}
	if err := bson.Unmarshal(raw, &answer); err != nil {
		return nil, explained(ctx, err)
	}
	understand(plan, answer.Planner.Winning, s.main.src.Name)
	return plan, nil
}

// command is the find with which a statement begins, as a document.
func (r *run) command() (bson.D, error) {
	s := r.main
	a, err := r.ask(s)
	if err != nil {
		return nil, err
	}
	command := bson.D{{Key: "find", Value: s.src.Name}, {Key: "filter", Value: both(a.filter, nil)}}
	if len(s.sort) > 0 {
		command = append(command, bson.E{Key: "sort", Value: sortDocument(s.sort)})
	}
	command = append(command, bson.E{Key: "projection", Value: s.src.projection()})
	if len(a.left) == 0 && s.sort != nil && s.parent == nil {
		if s.offset != nil {
			command = append(command, bson.E{Key: "skip", Value: s.offset(r.base())})
		}
		if s.limit != nil {
			command = append(command, bson.E{Key: "limit", Value: s.limit(r.base())})
		}
	}
	return command, nil
}

// understand reads a plan, a tree of stages: {stage: "FETCH", inputStage: {stage:
// "IXSCAN", indexName: …}}, in newer versions below queryPlan.
func understand(plan *store.Plan, stage bson.Raw, table string) {
	text := func(name string) string { s, _ := stage.Lookup(name).StringValueOK(); return s }
	if inner, ok := stage.Lookup("queryPlan").DocumentOK(); ok {
		understand(plan, inner, table)
		return
	}
	name := text("stage")
	line := name
	switch index := text("indexName"); {
	case index != "":
		line += " " + index
		if !slices.Contains(plan.Indexes, index) {
			plan.Indexes = append(plan.Indexes, index)
		}
	case name == "IDHACK" || name == "EXPRESS_IXSCAN" || name == "CLUSTERED_IXSCAN":
		plan.Indexes = append(plan.Indexes, "_id_")
	case name == "COLLSCAN":
		plan.Scans = append(plan.Scans, table)
	case name == "SORT":
		plan.Sorts = true
	}
	if line != "" {
		plan.Lines = append(plan.Lines, line)
	}
	if inner, ok := stage.Lookup("inputStage").DocumentOK(); ok {
		understand(plan, inner, table)
	}
	for _, many := range []string{"inputStages", "shards"} {
		list, ok := stage.Lookup(many).ArrayOK()
		if !ok {
			continue
		}
		values, _ := list.Values()
		for _, v := range values {
			inner, ok := v.DocumentOK()
			if winning, is := inner.Lookup("winningPlan").DocumentOK(); is {
				inner = winning
			}
			if ok {
				understand(plan, inner, table)
			}
		}
	}
}
