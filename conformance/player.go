package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// password is that of every account in a seed.
const password = "correct horse battery"

// player plays the steps of a script, one after the other.
type player struct {
	url    string
	client *http.Client
	vars   map[string]string
	tokens map[string]string // of accounts by e-mail address
}

func newPlayer(url string) *player {
	return &player{url: url, vars: map[string]string{}, tokens: map[string]string{}, client: &http.Client{
		// Nothing is decoded or followed: scripts see what is sent.
		Transport:     &http.Transport{DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// play sends a step's request and compares the answer; the error names every difference.
func (p *player) play(ctx context.Context, s *step) error {
	r, err := p.build(ctx, s)
	if err != nil {
		return err
	}
	answer, body, err := p.send(r)
	if err != nil {
		return err
	}
	if err := p.compare(s, answer, body); err != nil {
		return fmt.Errorf("%w\nthe answer was %s\n%v\n%s", err, answer.Status, answer.Header, body)
	}
	return nil
}

func (p *player) send(r *http.Request) (*http.Response, string, error) {
	answer, err := p.client.Do(r)
	if err != nil {
		return nil, "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return answer, string(body), err
}

func (p *player) build(ctx context.Context, s *step) (*http.Request, error) {
	target, err := fill(s.target, p.vars)
	if err != nil {
		return nil, err
	}
	text, err := fill(s.body, p.vars)
	if err != nil {
		return nil, err
	}
	var body io.Reader
	if text != "" {
		body = strings.NewReader(text)
	}
	r, err := http.NewRequestWithContext(ctx, s.method, p.url+encodeTarget(target), body)
	if err != nil {
		return nil, err
	}
	if text != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if s.as != "" {
		token, err := p.token(ctx, s.as)
		if err != nil {
			return nil, err
		}
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for _, h := range s.header {
		setting, err := fill(h.value, p.vars)
		if err != nil {
			return nil, err
		}
		r.Header.Del(h.name)
		if setting != "" {
			r.Header.Set(h.name, setting)
		}
	}
	return r, nil
}

// token signs an account in, once.
func (p *player) token(ctx context.Context, email string) (string, error) {
	if token := p.tokens[email]; token != "" {
		return token, nil
	}
	body, _ := json.Marshal(map[string]string{"email": email, "password": password})
	r, err := http.NewRequestWithContext(ctx, "POST", p.url+"/v1/auth/login", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "application/json")
	answer, text, err := p.send(r)
	if err != nil {
		return "", err
	}
	var signedIn struct{ Token string }
	if err := json.Unmarshal([]byte(text), &signedIn); err != nil || signedIn.Token == "" {
		return "", fmt.Errorf("signing in as %s: %s %s", email, answer.Status, text)
	}
	p.tokens[email] = signedIn.Token
	return signedIn.Token, nil
}

func (p *player) compare(s *step, answer *http.Response, body string) error {
	var faults []error
	if answer.StatusCode != s.status {
		faults = append(faults, fmt.Errorf("status %d, want %d", answer.StatusCode, s.status))
	}
	if s.statements >= 0 {
		if got, want := answer.Header.Get("Server-Timing"), `db;desc="`+strconv.Itoa(s.statements)+`"`; got != want {
			faults = append(faults, fmt.Errorf("Server-Timing is %s, want %s", got, want))
		}
	}
	for _, h := range s.wantHeader {
		if err := p.compareHeader(h, answer.Header); err != nil {
			faults = append(faults, err)
		}
	}
	return errors.Join(append(faults, p.compareBody(s, body))...)
}

func (p *player) compareHeader(want field, got http.Header) error {
	text := strings.Join(got.Values(want.name), ", ")
	if err := matchText(want.value, text, p.vars); err != nil {
		return fmt.Errorf("%s %w", want.name, err)
	}
	return nil
}

func (p *player) compareBody(s *step, body string) error {
	want := s.wantBody
	switch {
	case want == "(empty)", want == "" && (s.status == 204 || s.status == 304):
		if body != "" {
			return fmt.Errorf("the body is %q, want none", body)
		}
	case want == "":
	case want[0] == '{' || want[0] == '[':
		return matchJSON(want, body, p.vars)
	default:
		body = strings.TrimRight(strings.ReplaceAll(body, "\r\n", "\n"), "\n")
		if err := matchText(want, body, p.vars); err != nil {
			return fmt.Errorf("the body %w", err)
		}
	}
	return nil
}
