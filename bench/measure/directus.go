package main

import (
	"context"
	"fmt"
	"net/url"
	"os/exec"

	"github.com/jackc/pgx/v5"

	"github.com/mainstay-run/mainstay/bench/dataset"
)

// directus serves the reference's own tables, which it is told of by SQL. It keeps no
// journal of them, as the others do not.
func directus(ctx context.Context, p *place, db *database) (*system, error) {
	q, err := p.prepared(ctx, "directus", db)
	if err != nil {
		return nil, err
	}
	setup := exec.CommandContext(ctx, "./serve", "setup")
	setup.Dir, setup.Env = q.folder, q.env
	if _, err := p.command(ctx, setup); err != nil {
		return nil, err
	}
	c, err := pgx.Connect(ctx, q.url)
	if err != nil {
		return nil, err
	}
	defer c.Close(ctx)
	if _, err := c.Exec(ctx, directusTables); err != nil {
		return nil, err
	}
	running, err := q.serve(ctx, p, "directus")
	if err != nil {
		return nil, err
	}
	return &system{addr: q.addr, dialect: directusDialect(db.size), program: running}, running.ready(ctx, answering("http://"+q.addr+"/server/ping"))
}

// directusTables names the tables, their references and who may do what: everybody, and
// for S7 the staff of a company, whose tokens are their ids.
const directusTables = `
INSERT INTO directus_collections (collection, accountability) VALUES ('companies', NULL), ('jobs', NULL), ('applications', NULL);
INSERT INTO directus_fields (collection, field, special) VALUES ('jobs', 'company', 'm2o'), ('jobs', 'skills', 'cast-json'), ('applications', 'job', 'm2o'), ('applications', 'id', 'uuid'), ('applications', 'created_at', 'date-created');
INSERT INTO directus_relations (many_collection, many_field, one_collection) VALUES ('jobs', 'company', 'companies'), ('applications', 'job', 'jobs');
INSERT INTO directus_roles (id, name) VALUES ('00000000-0000-4000-8000-000000000001', 'Staff');
INSERT INTO directus_policies (id, name) VALUES ('00000000-0000-4000-8000-000000000002', 'Staff');
INSERT INTO directus_access (id, role, policy) VALUES ('00000000-0000-4000-8000-000000000003', '00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002');
INSERT INTO directus_permissions (policy, collection, action, permissions, fields) SELECT id, collection, action, '{}', '*'
	FROM directus_policies, (VALUES ('companies', 'read'), ('jobs', 'read'), ('jobs', 'update'), ('applications', 'read'), ('applications', 'create')) AS allowed (collection, action) WHERE name = '$t:public_label';
INSERT INTO directus_permissions (policy, collection, action, permissions, fields) VALUES ('00000000-0000-4000-8000-000000000002', 'jobs', 'read', '{"company": {"_eq": "$CURRENT_USER.company"}}', '*');
ALTER TABLE directus_users ADD company uuid;
INSERT INTO directus_users (id, email, role, token, company) SELECT id, email, '00000000-0000-4000-8000-000000000001', id::text, company FROM users;`

func directusDialect(size dataset.Size) dialect {
	const list = "/items/jobs?limit=20&sort=-created_at,-id"
	paying := func(a ask) string {
		return list + "&filter=" + url.QueryEscape(fmt.Sprintf(`{"status":{"_eq":"open"},"salary_min":{"_gte":%d}}`, a.salary))
	}
	return dialect{
		"S1": func(a ask) message { return get("/items/jobs/" + a.job) },
		"S2": func(a ask) message { return get(paying(a)) },
		"S3": func(a ask) message { return get(paying(a) + "&fields=*,company.*") },
		"S4": func(a ask) message {
			before, _ := deep(size)
			return get(fmt.Sprintf("%s&offset=%d", list, before+200*a.page))
		},
		"S5": func(a ask) message {
			return message{method: "POST", path: "/items/applications", body: application(a, a.job)}
		},
		"S6": func(a ask) message {
			return message{method: "PATCH", path: "/items/jobs/" + a.changed, body: title(a)}
		},
		"S7": func(a ask) message {
			return message{method: "GET", path: list + "&filter=" + url.QueryEscape(`{"status":{"_eq":"open"}}`), authorization: "Bearer " + dataset.UserAt(a.caller).ID.String()}
		},
	}
}
