package standin

import (
	"fmt"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
)

const partial = "partialFilterExpression"

// createIndexes makes a unique index over a part of a collection an ordinary one,
// when the records that exist allow it: the Java server knows no parts.
func (s *Server) createIndexes(command bson.D) (bson.D, error) {
	database, collection := get(command, "$db"), command[0].Value
	known := map[string]bson.D{}
	for i, e := range command {
		if e.Key != "indexes" {
			continue
		}
		var list bson.A
		for _, one := range e.Value.(bson.A) {
			x := one.(bson.D)
			known[fmt.Sprint(database, ".", collection, " ", get(x, "name"))] = x
			if get(x, partial) != nil && get(x, "unique") == true {
				if same, err := s.duplicates(database, collection, x); same != nil || err != nil {
					return same, err
				}
				x = slices.DeleteFunc(slices.Clone(x), func(e bson.E) bool { return e.Key == partial || e.Key == "unique" })
			}
			list = append(list, x)
		}
		command[i].Value = list
	}
	answer, err := s.direct.call(command)
	if err == nil && get(answer, "ok") == 1.0 {
		for name, x := range known {
			s.indexes[name] = x
		}
	}
	return answer, err
}

// duplicates is the error that two records are the same in a unique index.
func (s *Server) duplicates(database, collection any, x bson.D) (bson.D, error) {
	answer, err := s.direct.call(bson.D{{Key: "find", Value: collection}, {Key: "filter", Value: get(x, partial)}, {Key: "batchSize", Value: 1 << 20}, {Key: "$db", Value: database}})
	if err != nil {
		return nil, err
	}
	cursor, _ := get(answer, "cursor").(bson.D)
	batch, _ := get(cursor, "firstBatch").(bson.A)
	seen := map[string]bool{}
	for _, d := range batch {
		text := ""
		for _, k := range get(x, "key").(bson.D) {
			text += fmt.Sprintf("%v\x00", get(d.(bson.D), k.Key))
		}
		if seen[text] {
			return bson.D{{Key: "ok", Value: 0.0}, {Key: "code", Value: int32(11000)}, {Key: "codeName", Value: "DuplicateKey"},
				{Key: "errmsg", Value: "E11000 duplicate key error"}, {Key: "keyPattern", Value: get(x, "key")}}, nil
		}
		seen[text] = true
	}
	return nil, nil
}

// listIndexes tells of each index what was asked for.
func (s *Server) listIndexes(command bson.D) (bson.D, error) {
	answer, err := s.direct.call(command)
	if err != nil {
		return nil, err
	}
	cursor, _ := get(answer, "cursor").(bson.D)
	batch, _ := get(cursor, "firstBatch").(bson.A)
	for i, one := range batch {
		name := fmt.Sprint(get(command, "$db"), ".", command[0].Value, " ", get(one.(bson.D), "name"))
		if x := s.indexes[name]; x != nil {
			batch[i] = append(bson.D{{Key: "v", Value: 2}}, x...)
		}
	}
	return answer, nil
}
