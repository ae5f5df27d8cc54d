package keyring

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	fileName = "keys"
	intro    = "# The master secret of this installation. Keep it private and keep a copy:\n" +
		"# without it, cursors and entity tags that clients hold become invalid.\n"
	label = "secret-1 "
)

// Open loads the ring of folder, from the file "keys" in it, and makes it first
// when it is not there: 32 random bytes, readable by its owner only. A file
// that others may read, or that holds anything else, is an error and stays as it is.
func Open(folder string) (*Ring, error) {
	path := filepath.Join(folder, fileName)
	ring, err := load(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return ring, err
	}
	if err := create(folder, path); err != nil {
		return nil, fmt.Errorf("keyring: make %s: %w", path, err)
	}
	return load(path)
}

func load(path string) (*Ring, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("keyring: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("keyring: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("keyring: %s: it is not a file", path)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("keyring: others may read %s (mode %04o); say chmod 600 %s, and make new keys if somebody has read it", path, info.Mode().Perm(), path)
	}
	text := make([]byte, 4096)
	n, err := file.Read(text)
	if err != nil && err != io.EOF {
		return nil, fmt.Errorf("keyring: read %s: %w", path, err)
	}
	secret, err := parse(string(text[:n]))
	if err != nil {
		return nil, fmt.Errorf("keyring: %s: %w", path, err)
	}
	return FromSecret(secret)
}

func parse(text string) ([]byte, error) {
	var secret []byte
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		digits, ok := strings.CutPrefix(line, label)
		key, err := hex.DecodeString(digits)
		if !ok || err != nil || secret != nil {
			return nil, errors.New("not a file of keys that this version can read")
		}
		secret = key
	}
	if len(secret) < MinSecret {
		return nil, errors.New("holds no secret of 32 bytes or more")
	}
	return secret, nil
}

// create writes the whole file under another name and then links it to its own,
// so that nobody ever sees half of it and an existing one is never overwritten:
// when another process was quicker, its file counts.
func create(folder, path string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	file, err := os.CreateTemp(folder, ".keys-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	secret := make([]byte, MinSecret)
	rand.Read(secret) // never fails
	_, err = fmt.Fprintf(file, "%s%s%x\n", intro, label, secret)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Link(file.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncFolder(folder)
}

func syncFolder(folder string) error {
	dir, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
