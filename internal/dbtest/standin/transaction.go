package standin

import (
	"fmt"
	"iter"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// transaction is one that has begun; what it wrote is in the server's log.
type transaction struct {
	begun  int64 // s.commits then
	places []string
}

// entry is one write: how to undo it and how to do it again.
type entry struct {
	tx         *transaction // nil: a single write, or one that was committed
	commit     int64        // 0: not yet
	undo, redo []bson.D
}

// maxLog is how many writes can be looked behind.
const maxLog = 5000

// ofSessions are the parts of a command that the Java server does not know.
var ofSessions = []string{"lsid", "txnNumber", "startTransaction", "autocommit", "readConcern", "writeConcern", "$clusterTime", "$readPreference", "maxTimeMS"}

func (s *Server) carryOut(command bson.D) (bson.D, error) {
	key := fmt.Sprint(get(command, "lsid"), get(command, "txnNumber"))
	inside := get(command, "autocommit") == false
	tx := s.active[key]
	switch command[0].Key {
	case "commitTransaction":
		if s.done[key] {
			return done(), nil // once more, since the answer was lost
		}
		if tx == nil {
			return failure(251, "NoSuchTransaction", "there is no such transaction"), nil
		}
		s.commit(tx)
		s.forget(key, tx)
		s.done[key] = true
		return done(), nil
	case "abortTransaction":
		if tx == nil {
			return failure(251, "NoSuchTransaction", "there is no such transaction"), nil
		}
		return done(), s.abort(key, tx)
	}
	if inside && tx == nil {
		if get(command, "startTransaction") != true {
			return failure(251, "NoSuchTransaction", "the transaction was aborted"), nil
		}
		tx = &transaction{begun: s.commits}
		s.active[key] = tx
	}
	database := get(command, "$db")
	plain := withoutSession(command)
	switch command[0].Key {
	case "insert", "update", "delete", "findAndModify":
	case "find", "aggregate", "count", "distinct":
		return s.read(tx, command, plain)
	case "createIndexes":
		return s.createIndexes(plain)
	case "listIndexes":
		return s.listIndexes(plain)
	case "dropDatabase":
		s.log = nil
		return s.direct.call(plain)
	default:
		return s.direct.call(plain)
	}
	at := s.commits
	if tx != nil {
		at = tx.begun
	}
	var w *writing
	err := s.asOf(tx, at, func() (err error) {
		w, err = s.before(database, plain)
		return err
	})
	if err != nil {
		return nil, err
	}
	if s.conflicts(tx, w.places) {
		if tx == nil {
			return failure(112, "WriteConflict", "the document is being written to"), nil
		}
		return failure(112, "WriteConflict", "the document was written to"), s.abort(key, tx)
	}
	answer, err := s.direct.call(plain)
	if err != nil {
		return nil, err
	}
	e := &entry{tx: tx, undo: w.undo}
	if e.redo, err = s.after(w); err != nil {
		return nil, err
	}
	s.log = append(s.log, e)
	if tx == nil {
		s.commits++
		e.commit = s.commits
		s.note(w.places)
		return answer, nil
	}
	tx.places = append(tx.places, w.places...)
	for _, p := range w.places {
		s.held[p] = tx
	}
	if get(answer, "ok") != 1.0 || get(answer, "writeErrors") != nil {
		return answer, s.abort(key, tx)
	}
	return answer, nil
}

// read answers with what the reader may see.
func (s *Server) read(tx *transaction, command, plain bson.D) (bson.D, error) {
	at := s.commits
	concern, _ := get(command, "readConcern").(bson.D)
	snapshot := tx == nil && get(concern, "level") == "snapshot"
	if taken, ok := get(concern, "atClusterTime").(bson.Timestamp); ok {
		at = int64(taken.I) - 1
	}
	if tx != nil {
		at = tx.begun
	}
	var answer bson.D
	err := s.asOf(tx, at, func() (err error) {
		answer, err = s.direct.call(plain)
		return err
	})
	if cursor, ok := get(answer, "cursor").(bson.D); ok && snapshot {
		for i := range answer {
			if answer[i].Key == "cursor" {
				answer[i].Value = append(cursor, bson.E{Key: "atClusterTime", Value: bson.Timestamp{T: 1, I: uint32(at + 1)}})
			}
		}
	}
	return answer, err
}

// asOf calls f while there is what was committed at a time, and what tx has written
// itself. Everything else is undone meanwhile.
func (s *Server) asOf(tx *transaction, at int64, f func() error) error {
	var hidden []*entry
	for _, e := range s.log {
		if e.commit > at || e.commit == 0 && e.tx != tx {
			hidden = append(hidden, e)
		}
	}
	for _, e := range slices.Backward(hidden) {
		if err := s.apply(slices.Backward(e.undo)); err != nil {
			return err
		}
	}
	err := f()
	for _, e := range hidden {
		if again := s.apply(slices.All(e.redo)); again != nil {
			return again
		}
	}
	return err
}

func (s *Server) apply(commands iter.Seq2[int, bson.D]) error {
	for _, command := range commands {
		answer, err := s.direct.call(command)
		if err != nil || get(answer, "ok") != 1.0 || get(answer, "writeErrors") != nil {
			return fmt.Errorf("standin: %v: %v, %w", command, answer, err)
		}
	}
	return nil
}

func withoutSession(command bson.D) bson.D {
	return slices.DeleteFunc(slices.Clone(command), func(e bson.E) bool { return slices.Contains(ofSessions, e.Key) })
}

func done() bson.D { return bson.D{{Key: "ok", Value: 1.0}} }

func failure(code int32, name, text string) bson.D {
	return bson.D{{Key: "ok", Value: 0.0}, {Key: "code", Value: code}, {Key: "codeName", Value: name}, {Key: "errmsg", Value: text},
		{Key: "errorLabels", Value: bson.A{"TransientTransactionError"}}}
}

func (s *Server) commit(tx *transaction) {
	s.commits++
	for _, e := range s.log {
		if e.tx == tx {
			e.tx, e.commit = nil, s.commits
		}
	}
	s.note(tx.places)
	if len(s.log) > 2*maxLog {
		s.log = slices.Clone(s.log[maxLog:])
	}
}

// note keeps when documents were changed.
func (s *Server) note(places []string) {
	for _, p := range places {
		s.changed[p] = s.commits
	}
}

func (s *Server) forget(key string, tx *transaction) {
	for _, p := range tx.places {
		delete(s.held, p)
	}
	delete(s.active, key)
}

func (s *Server) abort(key string, tx *transaction) error {
	defer s.forget(key, tx)
	for _, e := range slices.Backward(s.log) {
		if e.tx != tx {
			continue
		}
		if err := s.apply(slices.Backward(e.undo)); err != nil {
			return err
		}
	}
	s.log = slices.DeleteFunc(s.log, func(e *entry) bool { return e.tx == tx })
	return nil
}

// conflicts reports whether somebody else writes to one of these documents, or has
// since the transaction began.
func (s *Server) conflicts(tx *transaction, places []string) bool {
	return slices.ContainsFunc(places, func(p string) bool {
		holder := s.held[p]
		return holder != nil && holder != tx || tx != nil && s.changed[p] > tx.begun
	})
}

// writing is what a command is about to do.
type writing struct {
	database, collection any
	places               []string
	ids                  []any
	undo                 []bson.D
}

func (w *writing) remove(id any) bson.D {
	one := bson.D{{Key: "q", Value: bson.D{{Key: "_id", Value: id}}}, {Key: "limit", Value: 1}}
	return bson.D{{Key: "delete", Value: w.collection}, {Key: "deletes", Value: bson.A{one}}, {Key: "$db", Value: w.database}}
}

func (w *writing) put(id any, document bson.D) bson.D {
	one := bson.D{{Key: "q", Value: bson.D{{Key: "_id", Value: id}}}, {Key: "u", Value: document}, {Key: "upsert", Value: true}}
	return bson.D{{Key: "update", Value: w.collection}, {Key: "updates", Value: bson.A{one}}, {Key: "$db", Value: w.database}}
}

func (w *writing) note(id any, undo bson.D) {
	w.places = append(w.places, fmt.Sprintf("%v.%v %v", w.database, w.collection, id))
	w.ids = append(w.ids, id)
	w.undo = append(w.undo, undo)
}

func (s *Server) found(w *writing, filter any, limit int) ([]bson.D, error) {
	answer, err := s.direct.call(bson.D{{Key: "find", Value: w.collection}, {Key: "filter", Value: filter}, {Key: "limit", Value: limit}, {Key: "batchSize", Value: 1 << 20}, {Key: "$db", Value: w.database}})
	if err != nil {
		return nil, err
	}
	cursor, _ := get(answer, "cursor").(bson.D)
	batch, _ := get(cursor, "firstBatch").(bson.A)
	list := make([]bson.D, len(batch))
	for i, d := range batch {
		list[i] = d.(bson.D)
	}
	return list, nil
}

// before tells which documents a command will write to, and how to undo it.
func (s *Server) before(database any, command bson.D) (*writing, error) {
	w := &writing{database: database, collection: command[0].Value}
	look := func(filter any, limit int) error {
		list, err := s.found(w, filter, limit)
		for _, d := range list {
			id := get(d, "_id")
			w.note(id, w.put(id, d))
		}
		return err
	}
	for _, field := range []string{"documents", "updates", "deletes"} {
		list, _ := get(command, field).(bson.A)
		for _, one := range list {
			d := one.(bson.D)
			limit := 1
			switch {
			case field == "documents":
				id := get(d, "_id")
				w.note(id, w.remove(id))
				continue
			case get(d, "multi") == true || field == "deletes" && fmt.Sprint(get(d, "limit")) == "0":
				limit = 0
			}
			if err := look(get(d, "q"), limit); err != nil {
				return nil, err
			}
		}
	}
	if command[0].Key == "findAndModify" {
		return w, look(get(command, "query"), 1)
	}
	return w, nil
}

// after tells how to do again what was done.
func (s *Server) after(w *writing) ([]bson.D, error) {
	list := make([]bson.D, len(w.ids))
	for i, id := range w.ids {
		now, err := s.found(w, bson.D{{Key: "_id", Value: id}}, 1)
		if err != nil {
			return nil, err
		}
		list[i] = w.remove(id)
		if len(now) > 0 {
			list[i] = w.put(id, now[0])
		}
	}
	return list, nil
}

func get(d bson.D, key string) any {
	for _, e := range d {
		if e.Key == key {
			return e.Value
		}
	}
	return nil
}
