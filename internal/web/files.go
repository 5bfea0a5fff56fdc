package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"time"
)

//go:embed assets
var assets embed.FS

// files are what pages load: named with a digest of their content, so a browser keeps them for good and never shows a
// page with the style of another version.
type files struct {
	own, embed map[string]file // by name
}

type file struct {
	content []byte
	kind    string
	digest  string
}

func newFiles() (*files, error) {
	f := &files{}
	var err error
	if f.own, err = read("assets/static"); err != nil {
		return nil, err
	}
	f.embed, err = read("assets/embed")
	return f, err
}

func read(dir string) (map[string]file, error) {
	entries, err := fs.ReadDir(assets, dir)
	if err != nil {
		return nil, fmt.Errorf("web: assets: %w", err)
	}
	all := map[string]file{}
	for _, e := range entries {
		content, err := fs.ReadFile(assets, path.Join(dir, e.Name()))
		if err != nil {
			return nil, fmt.Errorf("web: assets: %w", err)
		}
		sum := sha256.Sum256(content)
		all[e.Name()] = file{content, kindOf(e.Name()), hex.EncodeToString(sum[:8])}
	}
	return all, nil
}

// kindOf names the media type without asking the machine's own tables, which differ.
func kindOf(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	default:
		return mime.TypeByExtension(path.Ext(name))
	}
}

// address returns where a file is served.
func (f *files) address(name string) (string, error) {
	file, ok := f.own[name]
	if !ok {
		return "", fmt.Errorf("web: no asset %q", name)
	}
	return "/m/assets/" + name + "?v=" + file.digest, nil
}

func (f *files) serve(w http.ResponseWriter, r *http.Request) {
	file, ok := f.own[r.PathValue("file")]
	if ok && r.URL.Query().Get("v") == file.digest {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	send(w, r, file, ok)
}

// embedded serves what a platform's own pages load from here.
func (f *files) embedded(w http.ResponseWriter, r *http.Request) {
	file, ok := f.embed[r.PathValue("file")]
	if ok {
		w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
		w.Header().Set("Access-Control-Allow-Origin", "*") // so that a platform can pin it by integrity; it holds nothing of anybody
		w.Header().Set("Cache-Control", "public, max-age=300")
	}
	send(w, r, file, ok)
}

func send(w http.ResponseWriter, r *http.Request, file file, ok bool) {
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", file.kind)
	w.Header().Set("ETag", `"`+file.digest+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(file.content))
}
