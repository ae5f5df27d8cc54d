package mysql

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"

	"github.com/go-sql-driver/mysql"
)

var errURL = errors.New("the database's URL is mysql://USER:PASSWORD@HOST:PORT/DATABASE, or mariadb:// for the same")

// parseURL reads mysql://user:password@host:port/database, with these parameters:
//
//	socket=PATH    a Unix socket instead of host and port
//	tls=true       TLS with a certificate that the system trusts
//	tls=false      no TLS
//	tls=skip-verify, tls=preferred   TLS with any certificate; the latter, the
//	               default, only where the server has it
//	ca=FILE        TLS with a certificate signed by one of these (PEM)
//
// Anything else is refused. No error holds the URL, which may hold a password.
func parseURL(text string) (*mysql.Config, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "mysql" && u.Scheme != "mariadb" {
		return nil, errURL
	}
	c := mysql.NewConfig()
	c.DBName = strings.TrimPrefix(u.Path, "/")
	if c.DBName == "" || strings.Contains(c.DBName, "/") || u.Fragment != "" {
		return nil, errURL
	}
	c.User = u.User.Username()
	c.Passwd, _ = u.User.Password()
	c.Net, c.Addr = "tcp", u.Host
	if u.Port() == "" {
		c.Addr = net.JoinHostPort(u.Hostname(), "3306")
	}
	c.Timeout = connectTimeout
	c.ClientFoundRows = true // a row that an update leaves as it was is counted
	c.ConnectionAttributes = "program_name:mainstay"
	c.TLSConfig = "preferred"
	parameters, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, errURL
	}
	for name, values := range parameters {
		if len(values) != 1 {
			return nil, fmt.Errorf("the database's URL has the parameter %s twice", name)
		}
		if err := setParameter(c, name, values[0]); err != nil {
			return nil, err
		}
	}
	if c.Net == "tcp" && u.Hostname() == "" {
		return nil, errURL
	}
	return c, nil
}

func setParameter(c *mysql.Config, name, v string) error {
	switch {
	case name == "socket" && v != "":
		c.Net, c.Addr = "unix", v
		if c.TLSConfig == "preferred" {
			c.TLSConfig = "false"
		}
	case name == "tls" && (v == "true" || v == "false" || v == "skip-verify" || v == "preferred"):
		c.TLSConfig = v
	case name == "tls":
		return errors.New("the database's URL: tls is true, false, skip-verify or preferred")
	case name == "ca":
		pem, err := os.ReadFile(v)
		if err != nil {
			return fmt.Errorf("the database's URL: ca: %w", err)
		}
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(pem) {
			return fmt.Errorf("the database's URL: ca: %s holds no certificate", v)
		}
		host, _, _ := net.SplitHostPort(c.Addr)
		c.TLS = &tls.Config{RootCAs: roots, ServerName: host}
	default:
		return fmt.Errorf("the database's URL: there is no parameter %q; known are socket, tls and ca", name)
	}
	return nil
}
