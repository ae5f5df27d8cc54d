package conformance

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mainstay-run/mainstay/internal/dbtest"
)

// certificate writes a certificate for 127.0.0.1, signed by itself, and its key.
// A server may run as another user, and wants its key for itself: give hands it over.
func certificate(t *testing.T, give func(key string) error) (cert, key string) {
	t.Helper()
	folder, err := os.MkdirTemp("", "mainstay-tls-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	cert, key = filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: folder}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		os.Chmod(folder, 0o755),
		os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed}), 0o644),
		os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600),
		give(key),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// trust is one way to connect with TLS, and what is said of it; "": it is good.
type trust struct {
	host       string // of the URL; "": the certificate's
	parameters string // CA is the file of the certificate, OTHER of another one
	system     string // a file of those that the system trusts; "": its own
	want       string
}

const (
	unknownSigner = "its TLS certificate is not trusted: x509: certificate signed by unknown authority; name who signed it with "
	anothers      = "its TLS certificate is another's: x509: certificate is not valid for any names, but wanted to match localhost; name the host in the URL as the certificate does"
)

func TestTLSToTheDatabaseIsAsTheURLSays(t *testing.T) {
	for _, tt := range []struct {
		name, user string
		start      func(cert, key string) *dbtest.Server
		ways       []trust
	}{
		{"PostgreSQL", "postgres",
			func(cert, key string) *dbtest.Server {
				return dbtest.OwnPostgres(t, "-c", "ssl=on", "-c", "ssl_cert_file="+cert, "-c", "ssl_key_file="+key)
			},
			[]trust{
				{parameters: "sslmode=verify-full&sslrootcert=CA"},
				{parameters: "sslmode=verify-full", system: "CA"},
				{parameters: "sslmode=verify-ca&sslrootcert=CA", host: "localhost"},
				{parameters: "sslmode=require"},
				{parameters: "sslmode=prefer"},
				{parameters: ""},
				{parameters: "sslmode=disable"},
				{parameters: "sslmode=verify-full&sslrootcert=OTHER", want: unknownSigner + "sslrootcert=FILE in the URL"},
				{parameters: "sslmode=verify-ca&sslrootcert=OTHER", want: unknownSigner + "sslrootcert=FILE in the URL"},
				{parameters: "sslmode=verify-full", want: unknownSigner + "sslrootcert=FILE in the URL"},
				{parameters: "sslmode=verify-full&sslrootcert=CA", host: "localhost", want: anothers},
			}},
		{"MariaDB", "mysql",
			func(cert, key string) *dbtest.Server {
				return dbtest.OwnMariaTCP(t, "--ssl-cert="+cert, "--ssl-key="+key)
			},
			[]trust{
				{parameters: "ca=CA"},
				{parameters: "tls=true", system: "CA"},
				{parameters: "tls=skip-verify"},
				{parameters: "tls=preferred"},
				{parameters: ""},
				{parameters: "tls=false"},
				{parameters: "ca=OTHER", want: unknownSigner + "ca=FILE in the URL"},
				{parameters: "tls=true", want: unknownSigner + "ca=FILE in the URL"},
				{parameters: "ca=CA", host: "localhost", want: anothers},
			}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			give := func(file string) error { return dbtest.GiveTo(tt.user, file) }
			cert, key := certificate(t, give)
			other, _ := certificate(t, give)
			server := tt.start(cert, key)
			if err := dbtest.Run(server.URL(""), "CREATE DATABASE shop"); err != nil {
				t.Fatal(err)
			}
			s := &shop{contract: t.TempDir(), folder: t.TempDir()}
			s.save(t, shopContract)
			s.migrateTo(t, server.URL("shop"))
			file := strings.NewReplacer("CA", cert, "OTHER", other)
			for _, way := range tt.ways {
				at, err := url.Parse(server.URL("shop"))
				if err != nil {
					t.Fatal(err)
				}
				at.RawQuery = file.Replace(way.parameters)
				if way.host != "" {
					at.Host = net.JoinHostPort(way.host, at.Port())
				}
				plan := command("plan", s.contract, "--database", at.String())
				if way.system != "" {
					plan.Env = append(plan.Env, "SSL_CERT_FILE="+file.Replace(way.system))
				}
				out, err := plan.CombinedOutput()
				if (err == nil) != (way.want == "") || !strings.Contains(string(out), way.want) {
					t.Errorf("%+v: %v, want it to say %q:\n%s", way, err, way.want, out)
				}
			}
		})
	}
}
