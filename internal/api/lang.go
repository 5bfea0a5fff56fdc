package api

import (
	"net/http"

	"golang.org/x/text/language"
)

// lang is a language that problems are written in.
type lang int

const (
	english lang = iota
	chinese
)

func (l lang) tag() string {
	if l == chinese {
		return "zh-CN"
	}
	return "en"
}

// text is one sentence in both languages.
type text struct{ en, zh string }

func (t text) in(l lang) string {
	if l == chinese {
		return t.zh
	}
	return t.en
}

// languages matches what a reader prefers; English is the default of an API.
type languages struct{ matcher language.Matcher }

func newLanguages() languages {
	return languages{language.NewMatcher([]language.Tag{language.English, language.SimplifiedChinese})}
}

func (l languages) of(r *http.Request) lang {
	accept := r.Header.Get("Accept-Language")
	if accept == "" || len(accept) > 256 {
		return english
	}
	tags, _, err := language.ParseAcceptLanguage(accept)
	if err != nil || len(tags) == 0 {
		return english
	}
	_, index, _ := l.matcher.Match(tags...)
	return lang(index)
}
