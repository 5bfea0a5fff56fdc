package page

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/language"

	"github.com/verigate/verigate/workflows/lifecycle"
)

// Languages of the pages, the standard one first.
const (
	Chinese = "zh-CN"
	English = "en"
)

// Catalogue is every text of one language.
type Catalogue struct {
	tag   string
	texts map[string]string
}

// readCatalogue reads <tag>.json, and every file of the folder <tag> if there is one: no key may stand in two files.
func readCatalogue(files fs.FS, dir, tag string) (*Catalogue, error) {
	names, err := fs.Glob(files, path.Join(dir, tag+".json"))
	if err != nil {
		return nil, fmt.Errorf("page: messages: %w", err)
	}
	parts, err := fs.Glob(files, path.Join(dir, tag, "*.json"))
	if err != nil {
		return nil, fmt.Errorf("page: messages: %w", err)
	}
	c := &Catalogue{tag: tag, texts: map[string]string{}}
	for _, name := range append(names, parts...) {
		if err := c.read(files, name); err != nil {
			return nil, err
		}
	}
	if len(c.texts) == 0 {
		return nil, fmt.Errorf("page: no messages in %s", tag)
	}
	return c, nil
}

func (c *Catalogue) read(files fs.FS, name string) error {
	content, err := fs.ReadFile(files, name)
	if err != nil {
		return fmt.Errorf("page: messages: %w", err)
	}
	var texts map[string]string
	if err := json.Unmarshal(content, &texts); err != nil {
		return fmt.Errorf("page: messages %s: %w", name, err)
	}
	for key, text := range texts {
		if _, twice := c.texts[key]; twice {
			return fmt.Errorf("page: message %q stands in %s and in another file of %s", key, name, c.tag)
		}
		c.texts[key] = text
	}
	return nil
}

// Tag is the language, as BCP 47 writes it.
func (c *Catalogue) Tag() string { return c.tag }

// Other is the language that a page can be switched to.
func (c *Catalogue) Other() string {
	if c.tag == English {
		return Chinese
	}
	return English
}

// Texts are all messages by name, for tests and tools.
func (c *Catalogue) Texts() map[string]string { return maps.Clone(c.texts) }

// Text returns a message with its {placeholders} replaced; pairs are names and values. An unknown key is a mistake of
// ours that must not reach a reader.
func (c *Catalogue) Text(key string, pairs ...any) (string, error) {
	message, ok := c.texts[key]
	if !ok {
		return "", fmt.Errorf("page: no message %q in %s", key, c.tag)
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		message = strings.ReplaceAll(message, "{"+fmt.Sprint(pairs[i])+"}", fmt.Sprint(pairs[i+1]))
	}
	return message, nil
}

// Count returns the message for a number: key.one or key.other, as the language counts.
func (c *Catalogue) Count(key string, n int) (string, error) {
	if c.tag == English && n == 1 {
		return c.Text(key+".one", "n", n)
	}
	return c.Text(key+".other", "n", n)
}

// Has reports whether there is such a message.
func (c *Catalogue) Has(key string) bool {
	_, ok := c.texts[key]
	return ok
}

// When writes an instant in Beijing time and says so.
func (c *Catalogue) When(t time.Time) string {
	t = t.In(lifecycle.Beijing())
	if c.tag == English {
		return t.Format("2 January 2006, 15:04") + " (Beijing time, UTC+8)"
	}
	return t.Format("2006年1月2日 15:04") + "（北京时间）"
}

// Clock writes the time of day of an instant in Beijing, with seconds.
func (c *Catalogue) Clock(t time.Time) string { return t.In(lifecycle.Beijing()).Format("15:04:05") }

// Catalogues are all languages.
type Catalogues struct {
	all     []*Catalogue // the standard one first
	cookie  http.Cookie
	matcher language.Matcher
}

// languageCookie is the name of the cookie that remembers a reader's choice.
const languageCookie = "verigate_lang"

// NewCatalogues reads the messages of a folder. The reader's choice is remembered for addresses below root.
func NewCatalogues(files fs.FS, dir, root string, https bool) (*Catalogues, error) {
	c := &Catalogues{
		matcher: language.NewMatcher([]language.Tag{language.SimplifiedChinese, language.English, language.TraditionalChinese}),
		cookie: http.Cookie{ //nolint:gosec // Secure wherever browsers come by https
			Name: languageCookie, Path: root, MaxAge: int((365 * 24 * time.Hour).Seconds()),
			HttpOnly: true, Secure: https, SameSite: http.SameSiteLaxMode,
		},
	}
	for _, tag := range []string{Chinese, English} {
		read, err := readCatalogue(files, dir, tag)
		if err != nil {
			return nil, err
		}
		c.all = append(c.all, read)
	}
	return c, nil
}

// All are the languages, the standard one first.
func (c *Catalogues) All() []*Catalogue { return c.all }

// Of chooses: what the reader chose here, else what the browser prefers, else Chinese. Neither country nor address says
// anything about a language.
func (c *Catalogues) Of(r *http.Request) *Catalogue {
	if cookie, err := r.Cookie(languageCookie); err == nil {
		if chosen := c.Named(cookie.Value); chosen != nil {
			return chosen
		}
	}
	accept := r.Header.Get("Accept-Language")
	if accept == "" || len(accept) > 256 {
		return c.all[0]
	}
	tags, _, err := language.ParseAcceptLanguage(accept)
	if err != nil || len(tags) == 0 {
		return c.all[0]
	}
	_, index, confidence := c.matcher.Match(tags...)
	if confidence == language.No {
		return c.all[0]
	}
	if index >= len(c.all) { // traditional Chinese: its readers are nearer to simplified than to English
		index = 0
	}
	return c.all[index]
}

// Named returns a language, nil if there is none of that name.
func (c *Catalogues) Named(tag string) *Catalogue {
	i := slices.IndexFunc(c.all, func(known *Catalogue) bool { return known.tag == tag })
	if i < 0 {
		return nil
	}
	return c.all[i]
}

// Choose remembers a language. The cookie says nothing about the reader but that.
func (c *Catalogues) Choose(w http.ResponseWriter, chosen *Catalogue) {
	cookie := c.cookie //nolint:gosec // a copy of the one above
	cookie.Value = chosen.tag
	http.SetCookie(w, &cookie)
}

// Switch chooses the language that a form asks for and goes back to the page that it stands on, or to home.
func (c *Catalogues) Switch(w http.ResponseWriter, r *http.Request, home string) {
	if chosen := c.Named(r.PostFormValue("lang")); chosen != nil {
		c.Choose(w, chosen)
	}
	http.Redirect(w, r, OwnPath(r.PostFormValue("back"), c.cookie.Path, home), http.StatusSeeOther) //nolint:gosec // OwnPath keeps to our own pages
}

// OwnPath returns address if it is one of a page below root, else home: a redirect must not lead away. A query is kept.
func OwnPath(address, root, home string) string {
	where, _, _ := strings.Cut(address, "?")
	below := where == strings.TrimSuffix(root, "/") || strings.HasPrefix(where, strings.TrimSuffix(root, "/")+"/")
	if len(address) > 1024 || !below || strings.Contains(where, "//") || strings.ContainsAny(where, "%") || strings.Contains(where, "..") || strings.ContainsFunc(address, func(r rune) bool {
		return r <= ' ' || r > '~' || strings.ContainsRune(`\#<>"'`, r)
	}) {
		return home
	}
	return address
}
