package server

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/mainstay-run/mainstay/contract"
)

// settle is how long the folder must be quiet before it is read: editors write,
// rename and write again.
const settle = 20 * time.Millisecond

// Watch sends each time the content of the contract in folder has changed, from
// now on until ctx ends; then it closes the channel. Saving a file unchanged is
// no change. Watch before the first load, so that no save falls in between. The
// folders are watched, not the files, because most editors save by putting a new
// file in the old one's place.
func Watch(ctx context.Context, folder string) (<-chan struct{}, error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watch %s: %w", folder, err)
	}
	if err := w.Add(folder); err != nil {
		w.Close()
		return nil, fmt.Errorf("watch %s: %w", folder, err)
	}
	watchParts(w, folder)
	changed := make(chan struct{}, 1)
	last := fingerprint(folder)
	go func() {
		defer close(changed)
		defer w.Close()
		quiet := time.NewTimer(settle)
		for {
			select {
			case <-ctx.Done():
				return
			case <-w.Events:
				quiet.Reset(settle)
			case <-w.Errors: // events were lost: look again
				quiet.Reset(settle)
			case <-quiet.C:
				watchParts(w, folder)
				now := fingerprint(folder)
				if now == last {
					continue
				}
				last = now
				select {
				case changed <- struct{}{}:
				default: // one is waiting already, and it will read what is there now
				}
			}
		}
	}()
	return changed, nil
}

// watchParts watches FOLDER/contract, which may come and go.
func watchParts(w *fsnotify.Watcher, folder string) {
	parts := filepath.Join(folder, contract.Parts)
	if info, err := os.Stat(parts); err == nil && info.IsDir() && !slices.Contains(w.WatchList(), parts) {
		_ = w.Add(parts) // gone again meanwhile: the next event tries once more
	}
}

// fingerprint is a hash of the names and contents of a contract's files.
func fingerprint(folder string) [sha256.Size]byte {
	single, names := contract.Files(folder)
	if single != "" {
		names = append(names, single)
	}
	hash := sha256.New()
	for _, name := range names {
		content, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		fmt.Fprintf(hash, "%q %d %v\n", name, len(content), err)
		hash.Write(content)
	}
	return [sha256.Size]byte(hash.Sum(nil))
}
