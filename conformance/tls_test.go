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

func TestTLSToTheDatabaseIsAsTheURLSays(t *testing.T) {
	for _, tt := range []struct {
		name, user        string
		start             func(cert, key string) *dbtest.Server
		trusted           string // the parameters that trust CA, a file
		unchecked         string // those that trust anybody
		system, untrusted string // those that trust the system's, and what is said then
	}{
		{"PostgreSQL", "postgres",
			func(cert, key string) *dbtest.Server {
				return dbtest.OwnPostgres(t, "-c", "ssl=on", "-c", "ssl_cert_file="+cert, "-c", "ssl_key_file="+key)
			},
			"sslmode=verify-full&sslrootcert=CA", "sslmode=require", "sslmode=verify-full&sslrootcert=OTHER",
			"its TLS certificate is not trusted: x509: certificate signed by unknown authority; name who signed it with sslrootcert=FILE in the URL"},
		{"MariaDB", "mysql",
			func(cert, key string) *dbtest.Server {
				return dbtest.OwnMariaTCP(t, "--ssl-cert="+cert, "--ssl-key="+key)
			},
			"ca=CA", "tls=skip-verify", "ca=OTHER",
			"its TLS certificate is not trusted: x509: certificate signed by unknown authority; name who signed it with ca=FILE in the URL"},
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
			with := func(parameters string) string {
				at, err := url.Parse(server.URL("shop"))
				if err != nil {
					t.Fatal(err)
				}
				at.RawQuery = strings.NewReplacer("CA", cert, "OTHER", other).Replace(parameters)
				return at.String()
			}
			s.migrateTo(t, with(tt.trusted))
			s.migrateTo(t, with(tt.unchecked))
			out, err := command("plan", s.contract, "--database", with(tt.system)).CombinedOutput()
			if err == nil || !strings.Contains(string(out), tt.untrusted) {
				t.Errorf("%v, want it to say %q:\n%s", err, tt.untrusted, out)
			}
		})
	}
}
