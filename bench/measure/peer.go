package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/mainstay-run/mainstay/bench/dataset"
	"github.com/mainstay-run/mainstay/bench/hand"
)

// installed is a copy of the peer's folder in which its program "install" has run. It
// stays for the next run, until the folder changes.
func (p *place) installed(ctx context.Context, name string) (string, error) {
	source := filepath.Join(p.root, "peers", name)
	sum, err := folderSum(source)
	if err != nil {
		return "", err
	}
	cache, err := cacheFolder()
	if err != nil {
		return "", err
	}
	at := filepath.Join(cache, name+"-"+sum)
	if _, err := os.Stat(filepath.Join(at, ".installed")); err == nil {
		return at, nil
	}
	older, _ := filepath.Glob(filepath.Join(cache, name+"-*"))
	for _, folder := range older {
		if err := os.RemoveAll(folder); err != nil {
			return "", err
		}
	}
	if err := os.CopyFS(at, os.DirFS(source)); err != nil {
		return "", err
	}
	progress("installing %s into %s", name, at)
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	install := exec.CommandContext(ctx, "./install")
	install.Dir = at
	if _, err := p.command(ctx, install); err != nil {
		return "", err
	}
	return at, os.WriteFile(filepath.Join(at, ".installed"), nil, 0o644)
}

// cacheFolder is where installed peers stay.
func cacheFolder() (string, error) {
	if at := os.Getenv("MAINSTAY_BENCH_CACHE"); at != "" {
		return filepath.Abs(at)
	}
	at, err := os.UserCacheDir()
	return filepath.Join(at, "mainstay-bench"), err
}

func folderSum(folder string) (string, error) {
	sum := sha256.New()
	err := filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		fmt.Fprintln(sum, path[len(folder):], len(content))
		sum.Write(content)
		return err
	})
	return hex.EncodeToString(sum.Sum(nil))[:12], err
}

// peerProgram is what a peer's programs are told.
type peerProgram struct {
	folder, addr, url string
	env               []string
}

// prepared installs a peer and gives it a database with the reference's tables.
func (p *place) prepared(ctx context.Context, name string, db *database) (*peerProgram, error) {
	folder, err := p.installed(ctx, name)
	if err != nil {
		return nil, err
	}
	url, err := db.copied(ctx, name)
	if err != nil {
		return nil, err
	}
	addr, err := freeAddress()
	if err != nil {
		return nil, err
	}
	host, port, _ := net.SplitHostPort(addr)
	return &peerProgram{folder, addr, url, append(os.Environ(),
		"DATABASE_URL="+url, "HOST="+host, "PORT="+port, "SECRET="+hand.Secret, fmt.Sprint("WORKERS=", runtime.NumCPU()))}, nil
}

// serve runs the peer's program "serve" and waits until it listens.
func (q *peerProgram) serve(ctx context.Context, p *place, name string) (*program, error) {
	cmd := exec.Command("./serve")
	cmd.Dir, cmd.Env = q.folder, q.env
	running, err := p.start(name, syscall.SIGTERM, cmd)
	if err != nil {
		return nil, err
	}
	return running, running.ready(ctx, listening(q.addr))
}

// framework sets up what is written by hand in a framework on the reference's tables,
// with its tokens and bodies, for S1 to S7. spelling is what it spells in its own way.
func framework(name string, spelling func(dataset.Size) dialect) func(context.Context, *place, *database) (*system, error) {
	return func(ctx context.Context, p *place, db *database) (*system, error) {
		q, err := p.prepared(ctx, name, db)
		if err != nil {
			return nil, err
		}
		running, err := q.serve(ctx, p, name)
		if err != nil {
			return nil, err
		}
		d, all := dialect{}, handDialect(db.size, handTokens(db.size))
		for name := range strings.FieldsSeq("S1 S2 S3 S4 S5 S6 S7") {
			d[name] = all[name]
		}
		if spelling != nil {
			maps.Copy(d, spelling(db.size))
		}
		s := &system{addr: q.addr, dialect: d, program: running}
		if name == "spring" {
			s.warm = 10 * time.Second // until its virtual machine has compiled what is hot
		}
		return s, nil
	}
}

// djangoSpelling has the filters and cursors of Django's own packages.
func djangoSpelling(size dataset.Size) dialect {
	filtered := func(a ask) string { return fmt.Sprintf("%s&status=open&salary_min__gte=%d", newest, a.salary) }
	return dialect{
		"S2": func(a ask) message { return get(filtered(a)) },
		"S3": func(a ask) message { return get(filtered(a) + "&include=company") },
		"S4": func(a ask) message {
			at := time.UnixMilli(deepest(size, a).CreatedAt).UTC().Format("2006-01-02 15:04:05+00:00")
			return get(newest + "&cursor=" + url.QueryEscape(base64.StdEncoding.EncodeToString([]byte("p="+url.QueryEscape(at)))))
		},
	}
}

// springSpelling has Spring Data REST's searches, pages by number and references that
// are addresses.
func springSpelling(size dataset.Size) dialect {
	const newest = "size=20&sort=createdAt,desc&sort=id,desc"
	paying := func(a ask) string { return fmt.Sprintf("status=open&salary=%d&%s", a.salary, newest) }
	tokens := handTokens(size)
	return dialect{
		"S2": func(a ask) message { return get("/v1/jobs/search/paying?" + paying(a)) },
		"S3": func(a ask) message {
			return get("/v1/jobs/search/payingWithCompany?projection=withCompany&" + paying(a))
		},
		"S4": func(a ask) message {
			before, _ := deep(size)
			return get(fmt.Sprintf("/v1/jobs/search/newest?page=%d&%s", (before+200*a.page)/20, newest))
		},
		"S5": func(a ask) message {
			return message{method: "POST", path: "/v1/applications", body: application(a, "/v1/jobs/"+a.job)}
		},
		"S7": func(a ask) message {
			return message{method: "GET", path: "/v1/jobs/search/own?status=open&" + newest, authorization: "Bearer " + tokens[a.caller]}
		},
	}
}
