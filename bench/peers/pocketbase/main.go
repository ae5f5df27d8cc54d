// PocketBase with the collections of the measurements. "setup" makes and fills
// them from the database of the hand-written reference for SQLite; everything else
// is PocketBase's own command.
//
// It is a module of its own: nothing of it can become the product's.
package main

import (
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"
	"github.com/spf13/cobra"
)

func main() {
	config := pocketbase.Config{DefaultDev: false, HideStartBanner: true}
	if os.Getenv("SYNCHRONOUS") == "full" {
		config.DBConnect = durable
	}
	app := pocketbase.NewWithConfig(config)
	app.RootCmd.AddCommand(&cobra.Command{
		Use:   "setup SOURCE TOKENS",
		Short: "Make the collections, fill them from SOURCE and write callers' tokens to TOKENS",
		Args:  cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			return setup(app, args[0], args[1])
		},
	})
	if err := app.Start(); err != nil {
		log.Fatal(err)
	}
}

// durable connects as PocketBase does by itself, but that a write is on the disk when it
// is acknowledged: it leaves that to the next checkpoint.
func durable(path string) (*dbx.DB, error) {
	return dbx.Open("sqlite", path+"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=journal_size_limit(200000000)&_pragma=synchronous(FULL)&_pragma=foreign_keys(ON)&_pragma=temp_store(MEMORY)&_pragma=cache_size(-32000)")
}

func setup(app core.App, source, tokens string) error {
	companies, err := collections(app)
	if err != nil {
		return err
	}
	if err := fill(app, source); err != nil {
		return err
	}
	return callers(app, companies, tokens)
}

// collections makes companies, jobs and applications as the contract has them, and
// myjobs, a copy of jobs under the rule of S7, so that the other lists stay without.
func collections(app core.App) (*core.Collection, error) {
	open := types.Pointer("")
	companies := core.NewBaseCollection("companies")
	companies.Fields.Add(&core.TextField{Name: "name"}, &core.TextField{Name: "country"}, &core.NumberField{Name: "size"}, &core.DateField{Name: "created_at"})
	companies.ListRule, companies.ViewRule = open, open
	if err := app.Save(companies); err != nil {
		return nil, err
	}
	jobs := core.NewBaseCollection("jobs")
	jobFields(jobs, companies.Id)
	jobs.ListRule, jobs.ViewRule, jobs.UpdateRule = open, open, open
	jobs.AddIndex("jobs_created", false, "created_at DESC, id DESC", "")
	jobs.AddIndex("jobs_status", false, "status, created_at DESC, id DESC", "")
	jobs.AddIndex("jobs_company", false, "company, status, created_at DESC, id DESC", "")
	if err := app.Save(jobs); err != nil {
		return nil, err
	}
	own := core.NewBaseCollection("myjobs")
	jobFields(own, companies.Id)
	own.AddIndex("myjobs_company", false, "company, status, created_at DESC, id DESC", "")
	if err := app.Save(own); err != nil {
		return nil, err
	}
	applications := core.NewBaseCollection("applications")
	applications.Fields.Add(
		&core.RelationField{Name: "job", CollectionId: jobs.Id, MaxSelect: 1, Required: true},
		&core.TextField{Name: "candidate_name", Required: true},
		&core.EmailField{Name: "email", Required: true},
		&core.TextField{Name: "stage"},
		&core.AutodateField{Name: "created_at", OnCreate: true})
	applications.CreateRule, applications.ViewRule = open, open
	applications.AddIndex("applications_job", false, "job", "")
	if err := app.Save(applications); err != nil {
		return nil, err
	}
	users, err := app.FindCollectionByNameOrId("users")
	if err != nil {
		return nil, err
	}
	users.Fields.Add(&core.RelationField{Name: "company", CollectionId: companies.Id, MaxSelect: 1})
	if err := app.Save(users); err != nil {
		return nil, err
	}
	own.ListRule = types.Pointer("company = @request.auth.company")
	return companies, app.Save(own)
}

func jobFields(c *core.Collection, companies string) {
	c.Fields.Add(
		&core.RelationField{Name: "company", CollectionId: companies, MaxSelect: 1, Required: true},
		&core.TextField{Name: "title"},
		&core.TextField{Name: "body"},
		&core.SelectField{Name: "status", Values: []string{"draft", "open", "closed"}, MaxSelect: 1},
		&core.JSONField{Name: "skills"},
		&core.NumberField{Name: "salary_min"},
		&core.DateField{Name: "opens_at"},
		&core.DateField{Name: "created_at"})
}

// short is PocketBase's form of an id: the first 15 digits, which hold its time.
func short(column string) string {
	return fmt.Sprintf("substr(lower(hex(%s)), 1, 15)", column)
}

func moment(column string) string {
	return fmt.Sprintf("strftime('%%Y-%%m-%%d %%H:%%M:%%fZ', %s / 1000.0, 'unixepoch')", column)
}

// fill copies the records by SQL, on the one connection that PocketBase writes with.
func fill(app core.App, source string) error {
	job := "id, company, title, body, status, skills, salary_min, opens_at, created_at"
	for _, q := range []string{
		"ATTACH {:source} AS s",
		"INSERT INTO companies (id, name, country, size, created_at) SELECT " + short("id") + ", name, country, size, " + moment("created_at") + " FROM s.companies",
		"INSERT INTO jobs (" + job + ") SELECT " + short("id") + ", " + short("company") + ", title, body, status, skills, salary_min, " + moment("opens_at") + ", " + moment("created_at") + " FROM s.jobs",
		"INSERT INTO myjobs (" + job + ") SELECT " + job + " FROM jobs",
		"INSERT INTO applications (id, job, candidate_name, email, stage, created_at) SELECT " + short("id") + ", " + short("job") + ", candidate_name, email, stage, " + moment("created_at") + " FROM s.applications",
		"ANALYZE",
	} {
		query := app.NonconcurrentDB().NewQuery(q)
		if strings.HasPrefix(q, "ATTACH") {
			query.Bind(dbx.Params{"source": source})
		}
		if _, err := query.Execute(); err != nil {
			return fmt.Errorf("%w in %s", err, q)
		}
	}
	return nil
}

// callers makes one account for each of the first forty companies.
func callers(app core.App, companies *core.Collection, file string) error {
	found, err := app.FindRecordsByFilter(companies, "", "id", 40, 0)
	if err != nil {
		return err
	}
	users, err := app.FindCollectionByNameOrId("users")
	if err != nil {
		return err
	}
	var out strings.Builder
	for i, company := range found {
		account := core.NewRecord(users)
		account.SetEmail(fmt.Sprintf("user%d@example.org", i+1))
		account.SetPassword("password123")
		account.Set("company", company.Id)
		if err := app.Save(account); err != nil {
			return err
		}
		token, err := account.NewStaticAuthToken(240 * time.Hour)
		if err != nil {
			return err
		}
		fmt.Fprintln(&out, token)
	}
	return os.WriteFile(file, []byte(out.String()), 0o600)
}
