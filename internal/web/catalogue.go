package web

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/language"

	"github.com/verigate/verigate/workflows/lifecycle"
)

// Languages of the pages, the standard one first.
const (
	chinese = "zh-CN"
	english = "en"
)

// catalogue is every text of one language.
type catalogue struct {
	tag   string
	texts map[string]string
}

func readCatalogue(tag string) (*catalogue, error) {
	content, err := fs.ReadFile(assets, "assets/messages/"+tag+".json")
	if err != nil {
		return nil, fmt.Errorf("web: messages: %w", err)
	}
	c := &catalogue{tag: tag}
	if err := json.Unmarshal(content, &c.texts); err != nil {
		return nil, fmt.Errorf("web: messages %s: %w", tag, err)
	}
	return c, nil
}

// text returns a message with its {placeholders} replaced; pairs are names and values. An unknown key, or a placeholder
// without a value, is a mistake of ours that must not reach a reader.
func (c *catalogue) text(key string, pairs ...any) (string, error) {
	message, ok := c.texts[key]
	if !ok {
		return "", fmt.Errorf("web: no message %q in %s", key, c.tag)
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		message = strings.ReplaceAll(message, "{"+fmt.Sprint(pairs[i])+"}", fmt.Sprint(pairs[i+1]))
	}
	return message, nil
}

// count returns the message for a number: key.one or key.other, as the language counts.
func (c *catalogue) count(key string, n int) (string, error) {
	if c.tag == english && n == 1 {
		return c.text(key+".one", "n", n)
	}
	return c.text(key+".other", "n", n)
}

// has reports whether there is such a message.
func (c *catalogue) has(key string) bool {
	_, ok := c.texts[key]
	return ok
}

// when writes an instant in Beijing time and says so.
func (c *catalogue) when(t time.Time) string {
	t = t.In(lifecycle.Beijing())
	if c.tag == english {
		return t.Format("2 January 2006, 15:04") + " (Beijing time, UTC+8)"
	}
	return t.Format("2006年1月2日 15:04") + "（北京时间）"
}

// clock writes the time of day of an instant in Beijing, with seconds.
func (c *catalogue) clock(t time.Time) string { return t.In(lifecycle.Beijing()).Format("15:04:05") }

// catalogues are all languages.
type catalogues struct {
	all     []*catalogue // the standard one first
	matcher language.Matcher
}

func newCatalogues() (*catalogues, error) {
	c := &catalogues{matcher: language.NewMatcher([]language.Tag{
		language.SimplifiedChinese, language.English, language.TraditionalChinese,
	})}
	for _, tag := range []string{chinese, english} {
		read, err := readCatalogue(tag)
		if err != nil {
			return nil, err
		}
		c.all = append(c.all, read)
	}
	return c, nil
}

const languageCookie = "verigate_lang"

// of chooses: what the reader chose here, else what the browser prefers, else Chinese. Neither country nor address says
// anything about a language.
func (c *catalogues) of(r *http.Request) *catalogue {
	if cookie, err := r.Cookie(languageCookie); err == nil {
		if chosen := c.named(cookie.Value); chosen != nil {
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

func (c *catalogues) named(tag string) *catalogue {
	i := slices.IndexFunc(c.all, func(known *catalogue) bool { return known.tag == tag })
	if i < 0 {
		return nil
	}
	return c.all[i]
}

// choose remembers a language for a year. The cookie says nothing about the reader but that.
func (s *Server) choose(w http.ResponseWriter, tag string) {
	http.SetCookie(w, &http.Cookie{
		Name: languageCookie, Value: tag, Path: "/m/", MaxAge: int((365 * 24 * time.Hour).Seconds()),
		HttpOnly: true, Secure: s.cfg.HTTPS, SameSite: http.SameSiteLaxMode,
	})
}

// switchLanguage sets the language and goes back to the page that asked.
func (s *Server) switchLanguage(w http.ResponseWriter, r *http.Request) {
	if chosen := s.pages.languages.named(r.PostFormValue("lang")); chosen != nil {
		s.choose(w, chosen.tag)
	}
	http.Redirect(w, r, ownPath(r.PostFormValue("back")), http.StatusSeeOther)
}

// ownPath returns path if it is one of a page of ours, else that of the first page: a redirect must not lead away.
func ownPath(path string) string {
	if len(path) > 256 || !strings.HasPrefix(path, "/m/") || strings.Contains(path, "//") || strings.Contains(path, "..") ||
		strings.ContainsFunc(path, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`\?#%<>"'`, r) }) {
		return pageStatus.path()
	}
	return path
}

func seconds(d time.Duration) string { return strconv.Itoa(int((d + time.Second - 1) / time.Second)) }
