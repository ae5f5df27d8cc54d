package mysql

import (
	"errors"
	"slices"
	"testing"

	"github.com/go-sql-driver/mysql"

	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/store"
)

func TestTheViolatedIndexIsRead(t *testing.T) {
	for _, tt := range []struct{ message, want string }{
		{"Duplicate entry 'a' for key 'people__email__unique'", "people__email__unique"},
		{"Duplicate entry 'a' for key 'people.people__email__unique'", "people__email__unique"},
		{"Duplicate entry '\\x01' for key 'people.PRIMARY'", "PRIMARY"},
		{"Duplicate entry 'x' for key 'y.z'' for key 'a.b'", "b"},
	} {
		got, ok := violatedIndex(&mysql.MySQLError{Number: errDuplicate, Message: tt.message})
		if !ok || got != tt.want {
			t.Errorf("%s: %q, %v", tt.message, got, ok)
		}
	}
	if _, ok := violatedIndex(errors.New("Duplicate entry 'a' for key 'b'")); ok {
		t.Error("an error of something else was read")
	}
}

func TestTheViolatedReferenceIsRead(t *testing.T) {
	err := errors.New("Error 1452: a foreign key constraint fails (`d`.`notes`, CONSTRAINT `notes_ibfk_1` FOREIGN KEY (`item`) REFERENCES `items` (`id`))")
	if got := violatedReference(err); !slices.Equal(got, []string{"item"}) {
		t.Errorf("%v", got)
	}
	if got := violatedReference(errors.New("Error 1217: Cannot delete or update a parent row")); got != nil {
		t.Errorf("%v", got)
	}
}

func TestErrorsAreExplained(t *testing.T) {
	ctx := t.Context()
	for _, number := range []uint16{errDeadlock, errLockWait} {
		if err := explained(ctx, &mysql.MySQLError{Number: number}); !errors.Is(err, store.ErrAgain) {
			t.Errorf("%d: %v", number, err)
		}
	}
	for number := range problems {
		err := explained(ctx, &mysql.MySQLError{Number: number, Message: "secret"})
		var p *problem.Error
		if !errors.As(err, &p) || p.Kind != problem.Unavailable || p.RetryAfter == 0 {
			t.Errorf("%d: %v", number, err)
		}
	}
	if err := explained(ctx, &mysql.MySQLError{Number: 1064}); problem.KindOf(err) != problem.Internal {
		t.Errorf("a fault of ours: %v", err)
	}
	if err := explained(ctx, mysql.ErrInvalidConn); problem.KindOf(err) != problem.Unavailable {
		t.Errorf("a lost connection: %v", err)
	}
}
