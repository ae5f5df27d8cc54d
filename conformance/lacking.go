package conformance

// Lack is a script that a database cannot pass, with the reason. It is not played
// there. Inside a script nothing is left out: an answer that differs is a fault.
type Lack struct{ Script, Database, Reason string }

// Lacking is what databases cannot do, all of it.
var Lacking = []Lack{}

// Lacks is why a database ("MariaDB") cannot pass the script; "" when it can.
func (s *Script) Lacks(database string) (reason string) {
	for _, l := range Lacking {
		if l.Script == s.Name && l.Database == database {
			return l.Reason
		}
	}
	return ""
}
