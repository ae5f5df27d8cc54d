package value

import (
	"errors"
	"net/url"
	"regexp"
	"strings"
	"unicode"
)

var (
	phoneForm = regexp.MustCompile(`^\+[1-9]([ .-]?[0-9]){6,14}$`)
	slugForm  = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
)

// isEmail reports whether s is what HTML calls a valid e-mail address, in lower case.
func isEmail(s string) bool {
	name, domain, _ := strings.Cut(s, "@")
	if len(name) == 0 || len(name) > 64 || strings.ContainsFunc(name, func(r rune) bool { return !isAlnum(r) && !strings.ContainsRune(".!#$%&'*+/=?^_{|}~`-", r) }) {
		return false
	}
	for label := range strings.SplitSeq(domain, ".") {
		n := len(label)
		if n == 0 || n > 63 || label[0] == '-' || label[n-1] == '-' || strings.ContainsFunc(label, func(r rune) bool { return !isAlnum(r) && r != '-' }) {
			return false
		}
	}
	return true
}

func isAlnum(r rune) bool { return 'a' <= r && r <= 'z' || '0' <= r && r <= '9' }

// Format checks s against one of the contract's string types (string, text,
// email, url, phone, slug) and gives it as it is stored: emails and slugs are
// trimmed and lower-cased, the others kept. Lengths are the contract's affair.
func Format(name, s string) (string, error) {
	if err := CheckText(s); err != nil {
		return "", err
	}
	switch name {
	case "string":
		if strings.ContainsFunc(s, unicode.IsControl) {
			return "", errors.New("must be one line without control characters")
		}
	case "text":
		if strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' }) {
			return "", errors.New("must not hold control characters other than line breaks and tabs")
		}
	case "email":
		s = strings.ToLower(strings.TrimSpace(s))
		if !isEmail(s) {
			return "", errors.New("must be an e-mail address")
		}
	case "url":
		u, err := url.Parse(s)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || strings.ContainsFunc(s, unicode.IsSpace) {
			return "", errors.New("must be a web address that begins with https:// or http://")
		}
	case "phone":
		if !phoneForm.MatchString(s) {
			return "", errors.New("must be a phone number with its country, such as +43 660 1234567")
		}
	case "slug":
		s = strings.ToLower(strings.TrimSpace(s))
		if !slugForm.MatchString(s) {
			return "", errors.New("must be lower-case letters and digits in groups joined by hyphens, such as acme-labs")
		}
	}
	return s, nil
}
