// Package dataset makes the records that every system under measurement holds. Each
// value follows from the record's number alone, so that every database gets the same
// bytes on every machine.
package dataset

import (
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"flag"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"
)

// Size is how many records there are of each kind.
type Size struct{ Companies, Jobs, Applications, Profiles int }

// Full is the size of every figure that is published.
var Full = Size{Companies: 1_000, Jobs: 100_000, Applications: 500_000, Profiles: 50_000}

// ID is a UUID of version 7.
type ID [16]byte

// String is the id as an API writes it.
func (id ID) String() string {
	var b [36]byte
	hex.Encode(b[0:8], id[0:4])
	hex.Encode(b[9:13], id[4:6])
	hex.Encode(b[14:18], id[6:8])
	hex.Encode(b[19:23], id[8:10])
	hex.Encode(b[24:36], id[10:16])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	return string(b[:])
}

// Company, Job and Application are the records; times are Unix milliseconds.
type (
	Company struct {
		ID            ID
		Name, Country string
		Size          int64
		CreatedAt     int64
	}
	Job struct {
		ID, Company         ID
		Title, Body, Status string
		Skills              [3]string
		SalaryMin           int64
		OpensAt, CreatedAt  int64
	}
	Application struct {
		ID, Job            ID
		Name, Email, Stage string
		CreatedAt          int64
	}
	Profile struct {
		ID        ID
		Headline  string
		CreatedAt int64
	}
	// User works for a company.
	User struct {
		ID, Company ID
		Email       string
		CreatedAt   int64
	}
)

// sum is what all values of a record are made from: each differs by what it is for.
func sum(what string, record int) [16]byte {
	var b [48]byte
	return md5.Sum(strconv.AppendInt(append(b[:0], what...), int64(record), 10))
}

// number is a value in [0, n) that depends on what it is for and on a record.
func number(what string, record, n int) int {
	b := sum(what, record)
	return int(binary.BigEndian.Uint32(b[:]) % uint32(n))
}

func digits(what string, record int) string {
	b := sum(what, record)
	return hex.EncodeToString(b[:])
}

// id has the time of its record in front, as ids that a server makes do.
func id(what string, record int, at int64) ID {
	out := ID(sum(what, record))
	out[0], out[1], out[2] = byte(at>>40), byte(at>>32), byte(at>>24)
	out[3], out[4], out[5] = byte(at>>16), byte(at>>8), byte(at)
	out[6] = out[6]&0x0f | 0x70
	out[8] = out[8]&0x3f | 0x80
	return out
}

var epoch = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()

const (
	minute = int64(60_000)
	hour   = 60 * minute
)

var (
	countries = []string{"DE", "FR", "PL", "US", "IN", "BR"}
	levels    = []string{"Junior", "Senior", "Lead", "Staff", "Principal"}
	trades    = []string{"Backend Engineer", "Data Engineer", "Platform Engineer", "SRE", "Security Engineer", "Go Developer"}
	languages = []string{"go", "java", "python", "ruby"}
	databases = []string{"postgres", "mysql", "mongodb"}
	tools     = []string{"docker", "kubernetes", "git"}
	stages    = []string{"new", "screen", "interview", "offer", "rejected"}
)

// CompanyAt is company i, counted from 0.
func CompanyAt(i int) Company {
	at := foundedAt(i)
	return Company{
		ID: companyID(i), Name: fmt.Sprintf("Company %d", i+1), Country: countries[number("country", i, 6)],
		Size: int64(10 + number("size", i, 5000)), CreatedAt: at,
	}
}

func foundedAt(i int) int64 { return epoch + int64(i)*5*hour }

func companyID(i int) ID { return id("company", i, foundedAt(i)) }

// JobAt is job i: about 600 bytes of text, six in ten of them open.
func (s Size) JobAt(i int) Job {
	at := epoch + int64(i)*10*minute
	status := "open"
	switch n := number("status", i, 10); {
	case n >= 9:
		status = "draft"
	case n >= 6:
		status = "closed"
	}
	return Job{
		ID: JobID(i), Company: companyID(number("job's company", i, s.Companies)),
		Title: levels[number("level", i, 5)] + " " + trades[number("trade", i, 6)] + " #" + strconv.Itoa(i+1),
		Body: "We look for an engineer who designs, builds and runs services. Reference " + digits("a", i) +
			`. You will define API contracts with the frontend team, write "robust" reusable code, keep systems fast and secure, and review changes of others. Token ` + digits("b", i) +
			". We offer a real roadmap, time for quality, and a team that ships every day; remote work within two hours of our time zone is fine. " + digits("c", i),
		Status:    status,
		Skills:    [3]string{languages[number("language", i, 4)], databases[number("database", i, 3)], tools[number("tool", i, 3)]},
		SalaryMin: int64(30_000 + 500*number("salary", i, 180)),
		OpensAt:   epoch + 31*24*hour + int64(i)*11*minute, CreatedAt: at,
	}
}

// JobID is the id of job i.
func JobID(i int) ID { return id("job", i, epoch+int64(i)*10*minute) }

// ApplicationAt is application i.
func (s Size) ApplicationAt(i int) Application {
	at := epoch + 60*24*hour + int64(i)*2*minute
	return Application{
		ID: id("application", i, at), Job: JobID(number("application's job", i, s.Jobs)),
		Name: fmt.Sprintf("Candidate %d", i+1), Email: fmt.Sprintf("candidate%d@example.org", i+1),
		Stage: stages[number("stage", i, 5)], CreatedAt: at,
	}
}

// ProfileAt is profile i: eight words of four hundred, so that two of them stand together
// in about one profile of 2,500.
func ProfileAt(i int) Profile {
	at := epoch + 90*24*hour + int64(i)*3*minute
	words := make([]string, 8)
	for k := range words {
		words[k] = Word(number("word "+strconv.Itoa(k)+" of profile ", i, Words))
	}
	return Profile{ID: id("profile", i, at), Headline: strings.Join(words, " "), CreatedAt: at}
}

// Words is how many there are for headlines.
const Words = 400

// Word is word i of them.
func Word(i int) string {
	const syllables = "babebibodadedidokakekikolalelilomamemimo"
	first, second := i/20*2, i%20*2
	return syllables[first:first+2] + syllables[second:second+2]
}

// Users is how many people sign in: one at each of the first companies.
func (s Size) Users() int { return min(40, s.Companies) }

// UserAt is the one of company i.
func UserAt(i int) User {
	company := CompanyAt(i)
	return User{ID: id("user", i, company.CreatedAt), Company: company.ID, Email: fmt.Sprintf("user%d@example.org", i+1), CreatedAt: company.CreatedAt}
}

// Each yields what at gives for 0 to n-1.
func Each[T any](n int, at func(int) T) iter.Seq[T] {
	return func(yield func(T) bool) {
		for i := range n {
			if !yield(at(i)) {
				return
			}
		}
	}
}

// Flags registers the size as flags of a program, Full by default.
func Flags() *Size {
	size := Full
	flag.IntVar(&size.Companies, "companies", size.Companies, "how many companies")
	flag.IntVar(&size.Jobs, "jobs", size.Jobs, "how many jobs")
	flag.IntVar(&size.Applications, "applications", size.Applications, "how many applications")
	flag.IntVar(&size.Profiles, "profiles", size.Profiles, "how many profiles")
	return &size
}

// Arguments are the flags that give another program this size.
func (s Size) Arguments() []string {
	return []string{fmt.Sprint("-companies=", s.Companies), fmt.Sprint("-jobs=", s.Jobs), fmt.Sprint("-applications=", s.Applications), fmt.Sprint("-profiles=", s.Profiles)}
}
