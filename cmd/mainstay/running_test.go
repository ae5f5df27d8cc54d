package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// program is a mainstay that runs beside the test.
type program struct {
	cmd   *exec.Cmd
	lines chan string // of its standard output and error, closed at its end
	seen  []string
}

// launch starts mainstay; it is stopped, at the latest, with the test.
func launch(t *testing.T, env []string, args ...string) *program {
	t.Helper()
	cmd := exec.Command("mainstay", args...)
	cmd.Env = append(os.Environ(), env...)
	return start(t, cmd)
}

func start(t *testing.T, cmd *exec.Cmd) *program {
	t.Helper()
	p := &program{cmd: cmd, lines: make(chan string, 1000)}
	output, writer := io.Pipe()
	p.cmd.Stdout, p.cmd.Stderr = writer, writer
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var reading sync.WaitGroup
	reading.Go(func() {
		defer close(p.lines)
		for s := bufio.NewScanner(output); s.Scan(); {
			p.lines <- s.Text()
		}
	})
	ended := make(chan struct{})
	go func() { p.cmd.Wait(); writer.Close(); close(ended) }()
	t.Cleanup(func() { p.cmd.Process.Kill(); <-ended; reading.Wait() })
	return p
}

// await reads on until a line holds text, and gives that line.
func (p *program) await(t *testing.T, text string) string {
	t.Helper()
	limit := time.After(20 * time.Second)
	for {
		select {
		case line, more := <-p.lines:
			p.seen = append(p.seen, line)
			if !more {
				t.Fatalf("ended without %q:\n%s", text, strings.Join(p.seen, "\n"))
			}
			if strings.Contains(line, text) {
				return line
			}
		case <-limit:
			t.Fatalf("no line with %q came:\n%s", text, strings.Join(p.seen, "\n"))
		}
	}
}

// stop tells the program to stop and gives its exit code.
func (p *program) stop(t *testing.T) int {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for line := range p.lines {
		p.seen = append(p.seen, line)
	}
	return p.cmd.ProcessState.ExitCode()
}

var address = regexp.MustCompile(`http://127\.0\.0\.1:\d+`)

func request(t *testing.T, url string) (int, string) {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

const shop = `mainstay: 1
name: shop
accounts:
  resource: User
resources:
  User:
    fields:
      email: email unique
    access:
      read: id == caller.id
  Item:
    fields:
      name: string 1..80
    access:
      read: true
      write: caller != null
`

const stock = `User:
  ann: {email: ann@example.org, password: correct horse battery}
Item:
  pen: {name: "pen"}
`

func writeShop(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	write(t, folder, "contract.yaml", shop)
	write(t, folder, "seed.yaml", stock)
	return folder
}

func write(t *testing.T, folder, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestDevPrintsLinesThatWorkWhenPasted(t *testing.T) {
	answers := pasted(t, writeShop(t))
	for i, want := range []string{"pen", "ann@example.org"} {
		var page struct{ Items []map[string]any }
		if err := json.Unmarshal(answers[i], &page); err != nil || len(page.Items) != 1 || !strings.Contains(string(answers[i]), want) {
			t.Errorf("line %d answers %s, want one item with %s", i+1, answers[i], want)
		}
	}
}

func TestDevSaysHowToSignUpWhenNobodyIsSeeded(t *testing.T) {
	folder := writeShop(t)
	if err := os.Remove(filepath.Join(folder, "seed.yaml")); err != nil {
		t.Fatal(err)
	}
	write(t, folder, "contract.yaml", strings.Replace(shop, "  resource: User\n", "  resource: User\n  signup: open\n  password: {min: 30}\n", 1))
	answers := pasted(t, folder)
	if !strings.Contains(string(answers[1]), `@example.org"`) {
		t.Errorf("who signed up reads %s, want the account", answers[1])
	}
}

// pasted are the answers to the lines that dev prints: what is open, and what is
// read with a token.
func pasted(t *testing.T, folder string) [][]byte {
	t.Helper()
	for _, tool := range []string{"sh", "curl", "sed"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("needs %s", tool)
		}
	}
	p := launch(t, nil, "dev", folder, "--listen", "127.0.0.1:0")
	p.await(t, "ready in")
	script := "set -e\n"
	for _, line := range p.seen {
		if strings.Contains(line, "curl") {
			script += line + "\n"
		}
	}
	if n := strings.Count(script, "curl"); n != 3 {
		t.Fatalf("%d lines with curl, want 3:\n%s", n, script)
	}
	cmd := exec.Command("sh", "-c", script)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, script)
	}
	answers := bytes.Split(bytes.TrimSpace(out), []byte("\n")) // the middle line only sets TOKEN
	if len(answers) != 2 {
		t.Fatalf("got %q, want two answers", out)
	}
	if code := p.stop(t); code != 0 {
		t.Errorf("SIGTERM ends it with %d:\n%s", code, strings.Join(p.seen, "\n"))
	}
	return answers
}

func TestDevReloadsAndKeepsTheLastGoodContract(t *testing.T) {
	folder := writeShop(t)
	p := launch(t, nil, "dev", folder, "--listen", "127.0.0.1:0")
	p.await(t, "ready in")
	url := address.FindString(strings.Join(p.seen, "\n"))

	write(t, folder, "contract.yaml", shop+"      note: string 1..80\n")
	p.await(t, "contract.yaml:")
	p.await(t, "still served")
	if status, body := request(t, url+"/v1/items"); status != 200 || !strings.Contains(body, "pen") {
		t.Errorf("after a bad save: %d %s", status, body)
	}

	write(t, folder, "contract.yaml", strings.Replace(shop, "1..80", "1..80\n      price: int = 3", 1))
	p.await(t, "contract loaded")
	if status, body := request(t, url+"/v1/items"); status != 200 || !strings.Contains(body, `"price":3`) {
		t.Errorf("after a good save: %d %s", status, body)
	}

	write(t, folder, "contract.yaml", strings.Replace(shop, "name: string", "title: string", 1))
	p.await(t, "begin anew")
	p.await(t, "mainstay dev "+folder+" --fresh")
	if status, body := request(t, url+"/v1/items"); status != 200 || !strings.Contains(body, `"price":3`) {
		t.Errorf("after a save that the database cannot follow: %d %s", status, body)
	}
	if code := p.stop(t); code != 0 {
		t.Errorf("SIGTERM ends it with %d", code)
	}
}

func TestDevKeepsWhatWasWritten(t *testing.T) {
	folder := writeShop(t)
	for _, run := range []string{"first", "second"} {
		p := launch(t, nil, "dev", folder, "--listen", "127.0.0.1:0")
		p.await(t, "ann@example.org")
		p.await(t, "ready in")
		url := address.FindString(strings.Join(p.seen, "\n"))
		if _, body := request(t, url+"/v1/items"); strings.Count(body, "pen") != 1 {
			t.Errorf("the %s run answers %s", run, body)
		}
		if code := p.stop(t); code != 0 {
			t.Errorf("the %s run ends with %d", run, code)
		}
	}
}

func TestDevFreshBeginsAnewAndKeepsTheKeys(t *testing.T) {
	folder := writeShop(t)
	keys := filepath.Join(folder, ".mainstay", "keys")
	run := func(args ...string) (p *program, url string) {
		p = launch(t, nil, append([]string{"dev", folder, "--listen", "127.0.0.1:0"}, args...)...)
		p.await(t, "ready in")
		return p, address.FindString(strings.Join(p.seen, "\n"))
	}
	p, _ := run()
	p.stop(t)
	before, err := os.ReadFile(keys)
	if err != nil {
		t.Fatal(err)
	}

	// The database has a column that the contract drops, and another seed.
	write(t, folder, "contract.yaml", strings.Replace(shop, "name: string", "title: string", 1))
	write(t, folder, "seed.yaml", strings.Replace(stock, `name: "pen"`, `title: "ink"`, 1))
	out, err := exec.Command("mainstay", "dev", folder, "--listen", "127.0.0.1:0").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "mainstay dev "+folder+" --fresh") {
		t.Errorf("without --fresh: %v\n%s", err, out)
	}
	p, url := run("--fresh")
	if _, body := request(t, url+"/v1/items"); !strings.Contains(body, "ink") || strings.Contains(body, "pen") {
		t.Errorf("after --fresh: %s", body)
	}

	out, err = exec.Command("mainstay", "dev", folder, "--fresh", "--listen", "127.0.0.1:0").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "another mainstay") {
		t.Errorf("--fresh beside a running dev: %v\n%s", err, out)
	}
	if _, body := request(t, url+"/v1/items"); !strings.Contains(body, "ink") {
		t.Errorf("after a refused --fresh: %s", body)
	}
	p.stop(t)
	if after, err := os.ReadFile(keys); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the keys are others: %v", err)
	}
}

func TestDevListsNoAccountsOfASeedThatWasNotLoaded(t *testing.T) {
	folder := writeShop(t)
	p := launch(t, nil, "dev", folder, "--listen", "127.0.0.1:0")
	p.await(t, "ready in")
	p.stop(t)
	write(t, folder, "seed.yaml", strings.ReplaceAll(stock, "ann", "bob"))
	p = launch(t, nil, "dev", folder, "--listen", "127.0.0.1:0")
	p.await(t, "seed.yaml has changed since it was loaded")
	p.await(t, "mainstay dev "+folder+" --fresh")
	p.await(t, "ready in")
	if text := strings.Join(p.seen, "\n"); strings.Contains(text, "bob@") {
		t.Errorf("it lists an account that is not there:\n%s", text)
	}
	p.stop(t)
	out, err := exec.Command("mainstay", "seed", folder).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "has changed since it was loaded") {
		t.Errorf("mainstay seed: %v\n%s", err, out)
	}
}

func TestDevLeadsToTheDocumentation(t *testing.T) {
	p := launch(t, nil, "dev", writeShop(t), "--listen", "127.0.0.1:0")
	p.await(t, "ready in")
	url := address.FindString(strings.Join(p.seen, "\n"))
	if status, body := request(t, url+"/"); status != 200 || !strings.Contains(body, "<html") {
		t.Errorf("/ is %d %.200s", status, body)
	}
	_, public, _ := serving(t, writeShop(t))
	if status, _ := request(t, public+"/"); status != 404 {
		t.Errorf("/ of serve is %d, want 404", status)
	}
}

func TestPlanLooksAtDevsDatabase(t *testing.T) {
	folder := writeShop(t)
	p := launch(t, nil, "dev", folder, "--listen", "127.0.0.1:0")
	p.await(t, "ready in")
	if out, err := exec.Command("mainstay", "plan", folder).CombinedOutput(); err != nil || string(out) != "nothing to do\n" {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestASecondWriterOfADatabaseIsRefused(t *testing.T) {
	folder := writeShop(t)
	p := launch(t, nil, "dev", folder, "--listen", "127.0.0.1:0")
	p.await(t, "ready in")
	for _, args := range [][]string{{"dev", folder, "--listen", "127.0.0.1:0"}, {"seed", folder, "--generate", "3"}} {
		out, err := exec.Command("mainstay", args...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "another mainstay") {
			t.Errorf("mainstay %s beside dev: %v\n%s", args[0], err, out)
		}
	}
	out, err := exec.Command("mainstay", "plan", folder, "--database", "sqlite:"+filepath.Join(folder, ".mainstay", "data.db")).CombinedOutput()
	if err != nil {
		t.Errorf("mainstay plan beside dev only reads: %v\n%s", err, out)
	}
}

func TestATakenPortIsNamed(t *testing.T) {
	p := launch(t, nil, "dev", writeShop(t), "--listen", "127.0.0.1:0")
	p.await(t, "ready in")
	taken := strings.TrimPrefix(address.FindString(strings.Join(p.seen, "\n")), "http://")
	out, err := exec.Command("mainstay", "dev", writeShop(t), "--listen", taken).CombinedOutput()
	if err == nil || !strings.Contains(string(out), taken+" is taken") || !strings.Contains(string(out), "--listen") {
		t.Errorf("%v\n%s", err, out)
	}
}

// serving starts `mainstay serve` on a database that fits, and gives its addresses.
func serving(t *testing.T, folder string, args ...string) (p *program, public, operator string) {
	t.Helper()
	database := "sqlite:" + filepath.Join(t.TempDir(), "data.db")
	if out, err := exec.Command("mainstay", "migrate", folder, "--database", database).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	env := []string{"MAINSTAY_DATABASE=" + database, "MAINSTAY_SECRET=0123456789abcdef0123456789abcdef"}
	p = launch(t, env, append([]string{"serve", folder, "--listen", "127.0.0.1:0", "--operator", "127.0.0.1:0"}, args...)...)
	var started struct{ Listen, Operator, Database string }
	if err := json.Unmarshal([]byte(p.await(t, `"msg":"serving"`)), &started); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(started.Database, "SQLite 3.") {
		t.Errorf("the log names the database %q", started.Database)
	}
	return p, "http://" + started.Listen, "http://" + started.Operator
}

func TestASecondSignalEndsServeAtOnce(t *testing.T) {
	p, public, _ := serving(t, writeShop(t))
	conn, err := net.Dial("tcp", strings.TrimPrefix(public, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// A request that does not end, and is known to have begun: the server asks for its body.
	io.WriteString(conn, "POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n")
	if line, err := bufio.NewReader(conn).ReadString('\n'); !strings.Contains(line, "100 Continue") {
		t.Fatalf("%q %v", line, err)
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if line := p.await(t, `"msg":"stopping"`); !strings.Contains(line, `"drain":"30s"`) {
		t.Errorf("the log does not say in words how long the drain is: %s", line)
	}
	began := time.Now()
	if code := p.stop(t); code != exitFailed || time.Since(began) > 10*time.Second {
		t.Errorf("exit code %d after %s; the drain takes 30s", code, time.Since(began))
	}
}

func TestServeKeepsTheOperatorApart(t *testing.T) {
	folder := writeShop(t)
	p, public, operator := serving(t, folder)
	for _, tt := range []struct {
		url    string
		status int
		body   string
	}{
		{public + "/v1/items", 200, `"items":[]`}, // no seed
		{public + "/metrics", 404, ""},
		{public + "/readyz", 404, ""},
		{public + "/openapi.json", 200, `"3.1.0"`},
		{operator + "/readyz?verbose", 200, "[+] database ok"},
		{operator + "/metrics", 200, `mainstay_requests_total{method="GET",route="/v1/items",status="200"} 1`},
		{operator + "/metrics", 200, "mainstay_db_statements_total "},
		{operator + "/debug/pprof/goroutine?debug=1", 200, "mainstay"},
		{operator + "/debug/pprof/cmdline", 404, ""},
		{operator + "/v1/items", 404, ""},
	} {
		if status, body := request(t, tt.url); status != tt.status || !strings.Contains(body, tt.body) {
			t.Errorf("%s is %d, want %d with %q:\n%s", tt.url, status, tt.status, tt.body, body)
		}
	}
	write(t, folder, "contract.yaml", strings.Replace(shop, "1..80", "1..80\n      price: int = 3", 1))
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	p.await(t, "while no server has the file open, with\\n  mainstay migrate "+folder+" --database sqlite:/") // it changes no database by itself
	if status, _ := request(t, public+"/v1/items"); status != 200 {
		t.Errorf("the last good contract answers %d", status)
	}
	if code := p.stop(t); code != 0 {
		t.Errorf("SIGTERM ends it with %d", code)
	}
}
