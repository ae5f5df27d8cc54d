package mysql

import (
	"context"
	"errors"
	"strings"

	"github.com/go-sql-driver/mysql"

	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/schema"
)

// A table of so many columns and indexes fits whatever they are: beside longer
// values, a page keeps 256 bytes of each column at most.
const (
	fewColumns = 30
	fewIndexes = 60
)

// Unfit tells why no table can be as t; "" when one can. The database itself is asked,
// by a temporary table: what fits depends on its version and the size of its pages.
func (d *Driver) Unfit(ctx context.Context, t *schema.Table) (why string, err error) {
	alone := &schema.Table{Name: "mainstay_fits", PrimaryKey: t.PrimaryKey, Indexes: t.Indexes}
	for _, c := range t.Columns {
		column := *c
		column.References = "" // a temporary table has none
		alone.Columns = append(alone.Columns, &column)
	}
	statement, err := d.flavour.createTable(alone)
	var wrong *problem.Error
	switch {
	case errors.As(err, &wrong):
		return wrong.Detail, nil
	case err != nil:
		return "", err
	}
	if len(t.Columns) <= fewColumns && len(t.Indexes) <= fewIndexes {
		return "", nil
	}
	c, err := d.take(ctx, reading)
	if err != nil {
		return "", err
	}
	defer d.give(c)
	err = c.exec(ctx, strings.Replace(statement, "CREATE", "CREATE TEMPORARY", 1))
	if err == nil {
		return "", explained(ctx, c.exec(ctx, "DROP TEMPORARY TABLE `mainstay_fits`"))
	}
	var answer *mysql.MySQLError
	if errors.As(err, &answer) {
		switch answer.Number {
		case 1118:
			return d.flavour.name + " does not take so much in one record: write 'text' for some of the texts that are not indexed, or make two resources of it", nil
		case 1069:
			return d.flavour.name + " takes at most 64 indexes of a table, those of references and of the id among them", nil
		case 1117:
			return d.flavour.name + " does not take so many fields", nil
		case 1044, 1142: // it may not be asked
			return "", nil
		}
	}
	return "", explained(ctx, err)
}
