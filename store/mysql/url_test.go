package mysql

import (
	"strings"
	"testing"
)

func TestURLs(t *testing.T) {
	for _, tt := range []struct{ url, net, addr, user, password, name, tls string }{
		{"mysql://u:p%40ss@db.example:3307/shop", "tcp", "db.example:3307", "u", "p@ss", "shop", "preferred"},
		{"mariadb://u@db.example/shop?tls=true", "tcp", "db.example:3306", "u", "", "shop", "true"},
		{"mysql://u@[::1]/shop", "tcp", "[::1]:3306", "u", "", "shop", "preferred"},
		{"mysql://u@/shop?socket=/run/s.sock", "unix", "/run/s.sock", "u", "", "shop", "false"},
	} {
		c, err := parseURL(tt.url)
		if err != nil {
			t.Errorf("%s: %v", tt.url, err)
			continue
		}
		if c.Net != tt.net || c.Addr != tt.addr || c.User != tt.user || c.Passwd != tt.password || c.DBName != tt.name || c.TLSConfig != tt.tls {
			t.Errorf("%s: %s %s %s %s %s %s", tt.url, c.Net, c.Addr, c.User, c.Passwd, c.DBName, c.TLSConfig)
		}
		if c.InterpolateParams || c.MultiStatements || !c.ClientFoundRows {
			t.Errorf("%s: %+v", tt.url, c)
		}
	}
}

func TestURLsThatAreRefused(t *testing.T) {
	for _, tt := range []struct{ url, want string }{
		{"postgres://u:secret@h/d", "is mysql://"},
		{"mysql://u:secret@h", "is mysql://"},
		{"mysql://u:secret@h/", "is mysql://"},
		{"mysql://u:secret@h/a/b", "is mysql://"},
		{"mysql://u:secret@/d", "is mysql://"},
		{"mysql://u:secret@h:port/d", "is mysql://"},
		{"mysql://u:secret@h/d#x", "is mysql://"},
		{"mysql://u:secret@h/d?charset=latin1", `no parameter "charset"`},
		{"mysql://u:secret@h/d?tls=maybe", "tls is"},
		{"mysql://u:secret@h/d?tls=true&tls=false", "tls twice"},
		{"mysql://u:secret@h/d?ca=/nowhere", "nowhere"},
	} {
		_, err := parseURL(tt.url)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", tt.url, err)
		}
	}
}

// FuzzURL: whatever is read names a server and a database, and no refusal repeats
// what it was given.
func FuzzURL(f *testing.F) {
	f.Add("mysql://u:hunter2@h:1/d?tls=true")
	f.Add("mariadb://@/d?socket=/s")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parseURL(text)
		switch {
		case err != nil && strings.Contains(text, "hunter2") && strings.Contains(err.Error(), "hunter2") && !strings.Contains(text, "?"):
			t.Errorf("%q: %v", text, err)
		case err == nil && (c.DBName == "" || c.Addr == ""):
			t.Errorf("%q: %+v", text, c)
		}
	})
}

func TestVersions(t *testing.T) {
	for _, tt := range []struct{ text, want, fault string }{
		{"8.0.36", "MySQL 8.0.36", ""},
		{"9.7.4-2", "MySQL 9.7.4", ""},
		{"8.0.18", "", "at least 8.0.19"},
		{"5.7.44-log", "", "at least 8.0.19"},
		{"10.11.19-MariaDB-0+deb12u1", "MariaDB 10.11.19", ""},
		{"11.4.2-MariaDB", "MariaDB 11.4.2", ""},
		{"10.6.20-MariaDB", "", "at least 10.11.0"},
		{"TiDB", "", "no version"},
	} {
		f, number, err := recognised(tt.text)
		switch {
		case tt.fault != "" && (err == nil || !strings.Contains(err.Error(), tt.fault)):
			t.Errorf("%s: %v", tt.text, err)
		case tt.fault == "" && (err != nil || f.name+" "+number != tt.want):
			t.Errorf("%s: %v, %v", tt.text, f, err)
		}
	}
}
