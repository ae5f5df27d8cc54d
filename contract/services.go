package contract

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// This file reads what later versions carry out: it is checked now and listed in
// Contract.Unbuilt, so that nothing is silently ignored.

const century = 36500 * 24 * time.Hour

var variable = regexp.MustCompile(`^\$[A-Z][A-Z0-9_]{0,99}$`)

// address reads $VARIABLE or a web address.
func (l *loader) address(t text, place string) bool {
	if variable.MatchString(t.s) {
		return true
	}
	u, err := url.Parse(t.s)
	switch {
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		l.fault(t.pos, place, fmt.Sprintf("'%s' is no address", t.s), "write $NAME for a setting of the surroundings, or https://…")
	case u.User != nil || u.RawQuery != "":
		l.fault(t.pos, place, "an address with a secret in it does not belong in a contract", "write $NAME and keep the address in the surroundings")
	default:
		return true
	}
	return false
}

func (l *loader) services(entries []pair) {
	for _, p := range entries {
		place := "services." + p.name
		if !isName(p.name, false, true, 50) {
			l.fault(p.key.pos(), place, fmt.Sprintf("'%s' is no name for a service", p.name), "use letters, digits and _, beginning with a lower-case letter")
		}
		s := &Service{Name: p.name, Else: "refuse", Pos: p.key.pos()}
		l.c.Services = append(l.c.Services, s)
		m, ok := l.record(p.value, place, "url", "timeout", "else")
		if !ok {
			continue
		}
		if u, ok := m["url"]; !ok {
			l.fault(p.key.pos(), place, "has no address", "write 'url: $"+strings.ToUpper(snake(p.name))+"_URL'")
		} else if t, ok := l.word(u.value, place+".url"); ok && l.address(t, place+".url") {
			s.URL = t.s
		}
		s.Timeout = 5000
		if t, ok := m["timeout"]; ok {
			s.Timeout, _ = l.duration(t.value, place+".timeout", 10*time.Millisecond, time.Minute)
		}
		if e, ok := m["else"]; ok {
			if t, ok := l.oneOf(e.value, place+".else", "refuse", "accept"); ok {
				s.Else = t.s
			}
		}
		l.unbuilt(p.key.pos(), place, "services are")
	}
}

func (l *loader) service(t text, place string) bool {
	names := make([]string, 0, len(l.c.Services))
	for _, s := range l.c.Services {
		names = append(names, s.Name)
	}
	if slices.Contains(names, t.s) {
		return true
	}
	if len(names) == 0 {
		l.fault(t.pos, place, fmt.Sprintf("no service '%s'", t.s), "declare it: 'services:' and under it '"+t.s+": {url: $…}'")
		return false
	}
	l.unknown(t.pos, place, "service", t.s, names)
	return false
}

// operationsAndActions are what a hook of r may stand before or after.
func operationsAndActions(r *Resource) []string {
	names := []string{"create", "update", "delete"}
	for _, a := range r.Actions {
		names = append(names, a.Name)
	}
	return names
}

func (l *loader) hooks(r *Resource, v node, place string) {
	for _, p := range l.entries(v, place, "before create: screening") {
		here := place + "." + p.name
		key := p.key.text()
		parts := pieces(key)
		if len(parts) != 2 || parts[0].s != "before" && parts[0].s != "after" {
			l.fault(key.pos, here, fmt.Sprintf("'%s' is no moment", p.name), "write 'before' or 'after' and an operation or action: 'before create'")
			continue
		}
		if ops := operationsAndActions(r); !slices.Contains(ops, parts[1].s) {
			l.unknown(parts[1].pos(), here, "operation or action", parts[1].s, ops)
			continue
		}
		t, ok := l.word(p.value, here)
		if !ok || !l.service(t, here) {
			continue
		}
		r.Hooks = append(r.Hooks, &Hook{When: parts[0].s, Operation: parts[1].s, Service: t.s, Pos: p.key.pos()})
		l.unbuilt(p.key.pos(), here, "hooks are")
	}
}

func (l *loader) events(r *Resource, section pair, place string) {
	known := []string{"created", "updated", "deleted"}
	for _, a := range r.Actions {
		known = append(known, a.Name)
	}
	for _, t := range l.words(section.value, place) {
		switch {
		case slices.Contains(r.Events, t.s):
			l.fault(t.pos, place, fmt.Sprintf("'%s' is named twice", t.s), "leave one out")
		case !slices.Contains(known, t.s):
			l.unknown(t.pos, place, "event", t.s, known)
		default:
			r.Events = append(r.Events, t.s)
		}
	}
	if len(r.Events) > 0 {
		l.unbuilt(section.key.pos(), place, "events are")
	}
}

func (l *loader) retain(r *Resource, section pair, place string) {
	m, ok := l.record(section.value, place, "keep", "since", "then")
	if !ok {
		return
	}
	for _, key := range []string{"keep", "since", "then"} {
		if m[key].name == "" {
			l.fault(section.key.pos(), place, "says no '"+key+"'", "write '{keep: 730d, since: updated_at, then: erase}'")
			return
		}
	}
	ret := &Retain{Pos: section.key.pos()}
	if ret.Keep, ok = l.duration(m["keep"].value, place+".keep", time.Hour, century); !ok {
		return
	}
	if ret.Since = l.fieldNamed(r, m["since"].value, place+".since"); ret.Since == nil {
		return
	}
	if n := ret.Since.Type.Name; n != "timestamp" && n != "date" {
		l.fault(m["since"].value.pos(), place+".since", fmt.Sprintf("'%s' is no timestamp or date", ret.Since.Name), "write updated_at, or another time of the record")
		return
	}
	t, ok := l.oneOf(m["then"].value, place+".then", "erase", "delete")
	if !ok {
		return
	}
	ret.Then = t.s
	r.Retain = ret
	l.unbuilt(section.key.pos(), place, "retention is")
}

func (l *loader) subscriptions(entries []pair) {
	for _, p := range entries {
		place := "subscriptions." + p.name
		m, ok := l.record(p.value, place, "events", "to")
		if !ok {
			continue
		}
		s := &Subscription{Name: p.name, Pos: p.key.pos()}
		if e, ok := m["events"]; ok {
			for _, t := range l.words(e.value, place+".events") {
				if l.event(t, place+".events") {
					s.Events = append(s.Events, t.s)
				}
			}
		} else {
			l.fault(p.key.pos(), place, "names no events", "write 'events: [application.created]'")
		}
		if to, ok := m["to"]; !ok {
			l.fault(p.key.pos(), place, "says not where to", "write 'to: service NAME' or 'to: webhook $URL'")
		} else if t, ok := l.word(to.value, place+".to"); ok {
			l.target(s, t, place+".to")
		}
		l.c.Subs = append(l.c.Subs, s)
		l.unbuilt(p.key.pos(), place, "subscriptions are")
	}
}

// event checks application.reject or application.*.
func (l *loader) event(t text, place string) bool {
	name, event, found := strings.Cut(t.s, ".")
	if !found {
		l.fault(t.pos, place, fmt.Sprintf("'%s' is no event", t.s), "write resource and event: application.created, application.*")
		return false
	}
	var names []string
	for _, r := range l.c.Resources {
		if snake(r.Name) != name {
			names = append(names, snake(r.Name))
			continue
		}
		if event == "*" && len(r.Events) > 0 || slices.Contains(r.Events, event) {
			return true
		}
		if len(r.Events) == 0 {
			l.fault(t.pos, place, fmt.Sprintf("%s declares no events", r.Name), fmt.Sprintf("write 'events: [created]' at %s", r.Name))
			return false
		}
		l.unknown(t.at(len(name)+1), place, "event", event, append(slices.Clone(r.Events), "*"))
		return false
	}
	l.unknown(t.pos, place, "resource", name, names)
	return false
}

func (l *loader) target(s *Subscription, t text, place string) {
	parts := pieces(t)
	switch {
	case len(parts) == 2 && parts[0].s == "service":
		if l.service(parts[1].text(), place) {
			s.To = t.s
		}
	case len(parts) == 2 && parts[0].s == "webhook":
		if l.address(parts[1].text(), place) {
			s.To = t.s
		}
	default:
		l.fault(t.pos, place, fmt.Sprintf("'%s' is nowhere to send events", t.s), "write 'service NAME' or 'webhook $URL'")
	}
}

func (l *loader) jobs(entries []pair) {
	for _, p := range entries {
		place := "jobs." + p.name
		if !isName(p.name, false, true, 50) {
			l.fault(p.key.pos(), place, fmt.Sprintf("'%s' is no name for a job", p.name), "use letters, digits and _, beginning with a lower-case letter")
		}
		m, ok := l.record(p.value, place, "every", "update", "delete", "where", "set")
		if !ok {
			continue
		}
		l.job(p, m, place)
	}
}

func (l *loader) job(p pair, m map[string]pair, place string) {
	j := &Job{Name: p.name, Pos: p.key.pos()}
	if every, ok := m["every"]; ok {
		j.Every, _ = l.duration(every.value, place+".every", time.Minute, century)
	} else {
		l.fault(j.Pos, place, "says not how often", "write 'every: 1d'")
	}
	update, isUpdate := m["update"]
	remove, isDelete := m["delete"]
	if isUpdate == isDelete {
		l.fault(j.Pos, place, "does one thing: it updates or deletes the records of a resource", "write 'update: Posting' or 'delete: Posting'")
		return
	}
	j.Update = isUpdate
	of := remove
	if isUpdate {
		of = update
	}
	t, ok := l.word(of.value, place+"."+of.name)
	if !ok {
		return
	}
	if j.Resource = l.resource(t.s); j.Resource == nil {
		l.unknown(t.pos, place+"."+of.name, "resource", t.s, l.resourceNames())
		return
	}
	if where, ok := m["where"]; ok {
		j.Where, _ = l.expr(where.value, place+".where")
	} else {
		l.fault(j.Pos, place, "would do it to every record", "write 'where: …', or 'where: true' for really all")
	}
	set, hasSet := m["set"]
	switch {
	case isUpdate && !hasSet:
		l.fault(j.Pos, place, "updates nothing", "write 'set: {status: closed}'")
	case isDelete && hasSet:
		l.fault(set.key.pos(), place+".set", "does not go with delete", "leave one of the two out")
	case hasSet:
		j.Set = l.assigns(j.Resource, set.value, place+".set", nil)
	}
	l.c.Jobs = append(l.c.Jobs, j)
	l.unbuilt(j.Pos, place, "jobs are")
}
