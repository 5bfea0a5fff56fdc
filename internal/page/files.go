package page

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"time"
)

// Files are what pages load: named with a digest of their content, so a browser keeps them for good and never shows a
// page with the style of another version.
type Files struct {
	root   string // address of the folder that they are served in
	byName map[string]file
}

type file struct {
	content []byte
	kind    string
	digest  string
}

// NewFiles reads a folder whose files are served below the address root.
func NewFiles(files fs.FS, dir, root string) (*Files, error) {
	entries, err := fs.ReadDir(files, dir)
	if err != nil {
		return nil, fmt.Errorf("page: files: %w", err)
	}
	f := &Files{root: root, byName: map[string]file{}}
	for _, e := range entries {
		content, err := fs.ReadFile(files, path.Join(dir, e.Name()))
		if err != nil {
			return nil, fmt.Errorf("page: files: %w", err)
		}
		sum := sha256.Sum256(content)
		f.byName[e.Name()] = file{content, kindOf(e.Name()), hex.EncodeToString(sum[:8])}
	}
	return f, nil
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

// Address returns where a file is served.
func (f *Files) Address(name string) (string, error) {
	file, ok := f.byName[name]
	if !ok {
		return "", fmt.Errorf("page: no file %q", name)
	}
	return f.root + name + "?v=" + file.digest, nil
}

// Serve answers the file that the pattern's {file} names.
func (f *Files) Serve(w http.ResponseWriter, r *http.Request) {
	file, ok := f.byName[r.PathValue("file")]
	if ok && r.URL.Query().Get("v") == file.digest {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	send(w, r, file, ok)
}

// ServeAnywhere answers what other sites' pages load from here.
func (f *Files) ServeAnywhere(w http.ResponseWriter, r *http.Request) {
	file, ok := f.byName[r.PathValue("file")]
	if ok {
		w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
		w.Header().Set("Access-Control-Allow-Origin", "*") // so that a site can pin it by integrity; it holds nothing of anybody
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
