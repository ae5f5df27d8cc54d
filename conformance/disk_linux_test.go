package conformance

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// powerless makes cmd run as a user to whom the modes of files apply even when
// the tests are run by root: in a namespace of users where it is nobody.
func powerless(cmd *exec.Cmd) *exec.Cmd {
	if os.Geteuid() == 0 {
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER
	}
	return cmd
}

// needsUserNamespaces skips the test where powerless does not work.
func needsUserNamespaces(t *testing.T) {
	t.Helper()
	if err := powerless(command("version")).Run(); err != nil {
		t.Skipf("needs namespaces of users, or not to be run by root: %v", err)
	}
}

func TestADatabaseThatMayNotBeWrittenIsNamedWithTheReason(t *testing.T) {
	needsUserNamespaces(t)
	const denied = ": permission denied"
	for _, tt := range []struct {
		name string
		// what is closed: a mode for data.db, its lock, its folder; 0: left alone
		file, lock, folder os.FileMode
		want               string
	}{
		{"the file is read-only", 0o400, 0, 0, "open PATH/data.db: the file or its folder may not be written" + denied},
		{"the file may not even be read", 0o200, 0, 0, "open PATH/data.db: the file or its folder may not be written" + denied},
		{"the folder is read-only", 0, 0, 0o500, "open PATH/data.db: its folder may not be written"},
		{"the lock is read-only", 0, 0o400, 0, "open PATH/data.db: its lock or its folder may not be written" + denied},
		{"file, lock and folder are read-only", 0o400, 0o400, 0o500, "open PATH/data.db: its lock or its folder may not be written" + denied},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			if p := start(t, command(s.serve()...)); p.stop(t) != 0 { // makes the keys
				t.Fatalf("%s", &p.out)
			}
			t.Cleanup(func() { os.Chmod(s.folder, 0o700) })
			for name, mode := range map[string]os.FileMode{s.database: tt.file, s.database + ".lock": tt.lock, s.folder: tt.folder} {
				if mode == 0 {
					continue
				}
				if err := os.Chmod(name, mode); err != nil {
					t.Fatal(err)
				}
			}
			refuses(t, start(t, powerless(command(s.serve()...))), tt.want)
		})
	}
}

// smallDisk mounts an empty file system of so many megabytes in memory.
func smallDisk(t *testing.T, megabytes int) string {
	t.Helper()
	folder := t.TempDir()
	if err := syscall.Mount("mainstay", folder, "tmpfs", 0, fmt.Sprintf("size=%dm", megabytes)); err != nil {
		t.Skipf("needs the right to mount: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(folder, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount %s: %v", folder, err)
		}
	})
	return folder
}

// fillDisk takes all that is left of a disk; what it gives is a file to remove.
func fillDisk(t *testing.T, folder string) string {
	t.Helper()
	ballast := filepath.Join(folder, "ballast")
	f, err := os.Create(ballast)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, size := range []int{1 << 20, 4096, 1} {
		for err == nil {
			_, err = f.Write(make([]byte, size))
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
		err = nil
	}
	return ballast
}

// TestAFullDiskRefusesWritesAndNothingElse writes, by several at once, until the
// disk is full and beyond, frees space, and writes on.
func TestAFullDiskRefusesWritesAndNothingElse(t *testing.T) {
	s := newShop(t)
	s.folder = smallDisk(t, 8)
	s.migrate(t)
	p := start(t, command(s.serve()...))
	if p.url == "" {
		t.Fatalf("%s", &p.out)
	}
	items := p.url + "/v1/items"
	d := &disk{t: t, items: items, made: map[string]bool{}}
	if full := d.write(3); full > 0 {
		t.Fatalf("%d writes were refused before the disk was full", full)
	}
	ballast := fillDisk(t, s.folder)
	for round := 0; d.write(4) == 0; round++ { // what was there of the log may still be used
		if round == 50 {
			t.Fatal("a full disk refuses no write")
		}
	}
	for range 3 {
		d.write(4)
		d.read()
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if full := d.write(4); full > 0 {
		t.Errorf("with space again %d of 32 writes are refused", full)
	}
	d.read()
	if code := p.stop(t); code != 0 {
		t.Errorf("it ends with %d:\n%s", code, &p.out)
	}
	if log := p.out.String(); strings.Contains(log, "panic") || strings.Contains(log, "goroutine ") {
		t.Errorf("it logged\n%s", log)
	}
	sound(t, s.database)
}

// disk is what was written to a disk and acknowledged.
type disk struct {
	t       *testing.T
	items   string
	written int
	made    map[string]bool // names
}

const diskFull = `"status":503,"detail":"the database's disk is full"`

// write makes 8 times each records, 8 at a time, and tells how many were refused.
func (d *disk) write(each int) (refused int) {
	d.t.Helper()
	var lock sync.Mutex
	var writing sync.WaitGroup
	for range 8 {
		d.written += each
		first := d.written
		writing.Go(func() {
			for i := range each {
				name := fmt.Sprintf("item %d", first-i)
				a := ask(d.t, "POST", d.items, encode(fields{"name": name, "note": strings.Repeat("x", 6000)}))
				lock.Lock()
				switch {
				case a.status == 201:
					d.made[name] = true
				case a.status == 503 && a.media == "application/problem+json" && strings.Contains(a.body, diskFull) && a.header.Get("Retry-After") != "":
					refused++
				default:
					d.t.Errorf("making %s answers %d %s", name, a.status, a.body)
				}
				lock.Unlock()
			}
		})
	}
	writing.Wait()
	return refused
}

// read holds what can be read against what was acknowledged.
func (d *disk) read() {
	d.t.Helper()
	a := ask(d.t, "GET", d.items+".csv?fields=name", "")
	lines := strings.Fields(strings.ReplaceAll(a.body, "item ", "item_"))
	if a.status != 200 || len(lines) == 0 {
		d.t.Fatalf("reading answers %d %s", a.status, a.body)
	}
	for _, line := range lines[1:] {
		if !d.made[strings.ReplaceAll(line, "_", " ")] {
			d.t.Errorf("%s is there and was refused", line)
		}
	}
	if len(lines)-1 != len(d.made) {
		d.t.Errorf("%d records are there, %d were acknowledged", len(lines)-1, len(d.made))
	}
}

func TestAStartOnAFullDiskIsRefusedWithTheReason(t *testing.T) {
	s := newShop(t)
	s.folder = smallDisk(t, 8)
	s.migrate(t)
	ballast := fillDisk(t, s.folder)
	refuses(t, start(t, command(s.serve()...)), "open PATH/data.db: the database's disk is full")
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	p := start(t, command(s.serve()...))
	if p.url == "" {
		t.Fatalf("with space again it does not start:\n%s", &p.out)
	}
	if code := p.stop(t); code != 0 {
		t.Errorf("it ends with %d:\n%s", code, &p.out)
	}
	sound(t, s.database)
}

func TestADiskThatCanOnlyBeReadIsNamedWithTheReason(t *testing.T) {
	s := newShop(t)
	s.folder = smallDisk(t, 8)
	s.migrate(t)
	if err := syscall.Mount("mainstay", s.folder, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	refuses(t, start(t, command(s.serve()...)), "open PATH/data.db: its lock or its folder may not be written: read-only file system")
}
