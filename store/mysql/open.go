// Package mysql keeps records in MySQL 8.0.19 or newer, or MariaDB 10.11 or newer.
// Statements are prepared on the server, their values bound.
package mysql

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/mainstay-run/mainstay/socket"
	"github.com/mainstay-run/mainstay/store"
)

// Driver is a MySQL or MariaDB database.
type Driver struct {
	config    *mysql.Config
	connector driver.Connector
	opts      Options
	log       *slog.Logger
	flavour   *flavour
	version   string
	pool      pool
	rendered  rendered
	keys      sync.Map // the primary key of a table, by its name: []string
	lane      chan *lookup
	group     *store.Group
	closed    chan struct{} // what drives lanes ends
	driving   sync.WaitGroup
	closing   sync.Once
	kills     sync.WaitGroup
}

var _ store.Driver = (*Driver)(nil)

// Options are the driver's settings; the zero value is useful.
type Options struct {
	// MaxOpen is the most connections held open. Defaults to 16.
	MaxOpen int
	Log     *slog.Logger // nil: discarded
	primary *Driver      // not nil: the database is a replica of it
}

// connectTimeout is how long a server may take until a new connection can be used.
const connectTimeout = 10 * time.Second

// Open connects; url is mysql://USER:PASSWORD@HOST:PORT/DATABASE, see parseURL.
// Which of the two databases answers does not depend on the scheme.
func Open(ctx context.Context, url string, o Options) (*Driver, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.MaxOpen == 0 {
		o.MaxOpen = 16
	}
	config, err := parseURL(url)
	if err != nil {
		return nil, err
	}
	config.Logger = silent{}
	config.DialFunc = dial
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, fmt.Errorf("open the database %s: %w", config.DBName, err)
	}
	d := &Driver{config: config, connector: connector, opts: o, log: o.Log, closed: make(chan struct{})}
	if o.MaxOpen >= 2*lanes {
		o.MaxOpen -= lanes + 1
		d.lane = make(chan *lookup, maxTogether)
		d.group = store.NewGroup(maxGroup, d.closed)
	}
	d.pool = newPool(o.MaxOpen)
	if err := d.meet(ctx); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	if d.lane != nil {
		for range lanes {
			d.driving.Go(d.drive)
		}
		d.driving.Go(d.writeTogether)
	}
	return d, nil
}

// meet finds out who answers and whether it can be trusted.
func (d *Driver) meet(ctx context.Context) error {
	found, err := d.asked(ctx)
	if err != nil {
		return notOpened(d.config, err)
	}
	d.flavour, d.version, err = recognised(found)
	if err != nil {
		return err
	}
	c, err := d.take(ctx, reading)
	if err != nil {
		return err
	}
	defer d.give(c)
	return d.examine(ctx, c)
}

// asked is what the server says that it is.
func (d *Driver) asked(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	raw, err := d.connector.Connect(ctx)
	if err != nil {
		return "", err
	}
	defer raw.Close()
	found, err := (&conn{d: d, raw: raw}).list(ctx, "SELECT VERSION()")
	if err != nil {
		return "", err
	}
	return found[0], nil
}

// wireOf is the key of a context by which who connects hears of the connection.
type wireOf struct{}

var dialSwift = socket.Dialing(new(net.Dialer).DialContext)

func dial(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := dialSwift(ctx, network, addr)
	if at, ok := ctx.Value(wireOf{}).(*net.Conn); ok {
		*at = c
	}
	return c, err
}

// silent: what the client would print comes back as an error as well.
type silent struct{}

func (silent) Print(...any) {}

// version is major, minor, patch.
type version [3]int

// recognised tells the two databases apart by what VERSION() says: "8.0.36",
// "10.11.19-MariaDB-0+deb12u1".
func recognised(text string) (*flavour, string, error) {
	f := &mysqlFlavour
	if strings.Contains(strings.ToLower(text), "mariadb") {
		f = &mariaFlavour
	}
	number, _, _ := strings.Cut(text, "-")
	var v version
	if _, err := fmt.Sscanf(number, "%d.%d.%d", &v[0], &v[1], &v[2]); err != nil {
		return nil, "", fmt.Errorf("the database says that it is %q, which is no version of MySQL or MariaDB", text)
	}
	for i, least := range f.minimum {
		if v[i] < least {
			return nil, "", fmt.Errorf("the database is %s %s; at least %d.%d.%d is needed", f.name, number, f.minimum[0], f.minimum[1], f.minimum[2])
		}
		if v[i] > least {
			break
		}
	}
	return f, number, nil
}

// Close waits for what is running.
func (d *Driver) Close() error {
	d.closing.Do(func() {
		close(d.closed)
		d.driving.Wait()
		d.pool.close()
		d.kills.Wait()
	})
	return nil
}

// Limits tells what the database cannot do.
func (d *Driver) Limits() store.Limits {
	return store.Limits{Name: d.flavour.name + " " + d.version, MaxIndexedLength: maxVarchar, MaxParams: maxParams, MaxIdentifierBytes: 64}
}
