package config

import (
	"fmt"
	"iter"
	"net"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// EnvPrefix begins the name of every environment variable; the path of the field follows in capitals.
const EnvPrefix = "VERIGATE_"

// Field is one setting, seen by reflection.
type Field struct {
	Path  string // as http.read_header_timeout
	Owner string // Go type of the struct that holds it, for the documentation
	Name  string // Go name
	tag   reflect.StructTag
	value reflect.Value
}

// Env is the environment variable of the field.
func (f Field) Env() string {
	return EnvPrefix + strings.ToUpper(strings.ReplaceAll(f.Path, ".", "_"))
}

// Bounds says in words what the field takes.
func (f Field) Bounds() string {
	switch {
	case f.tag.Get("bounds") != "":
		low, high, _ := strings.Cut(f.tag.Get("bounds"), "..")
		return low + " to " + high
	case f.tag.Get("oneof") != "":
		return strings.ReplaceAll(f.tag.Get("oneof"), "|", ", ")
	case f.tag.Get("form") == "host:port":
		return "host:port"
	case f.tag.Get("form") == "url":
		return "http(s) URL"
	}
	switch f.value.Interface().(type) {
	case Secret:
		return "file:PATH or env:NAME"
	case bool:
		return "true, false"
	case []string:
		return "list"
	default:
		return "text"
	}
}

// Text is the field's value as one would write it; a secret's is hidden.
func (f Field) Text() string {
	switch v := f.value.Interface().(type) {
	case time.Duration:
		return shortDuration(v)
	case []string:
		return strings.Join(v, ", ")
	default:
		return fmt.Sprint(v)
	}
}

// shortDuration writes 2m and not 2m0s.
func shortDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// Fields yields every setting of c in the order of the struct. Setting through a Field changes c.
func (c *Config) Fields() iter.Seq[Field] {
	return func(yield func(Field) bool) {
		fields(reflect.ValueOf(c).Elem(), "", yield)
	}
}

func fields(v reflect.Value, prefix string, yield func(Field) bool) bool {
	t := v.Type()
	for i := range t.NumField() {
		sf := t.Field(i)
		if sf.Tag.Get("yaml") == "-" {
			continue
		}
		path := prefix + sf.Tag.Get("yaml")
		if sf.Type.Kind() == reflect.Struct && sf.Type != reflect.TypeFor[Secret]() {
			if !fields(v.Field(i), path+".", yield) {
				return false
			}
			continue
		}
		if !yield(Field{Path: path, Owner: t.Name(), Name: sf.Name, tag: sf.Tag, value: v.Field(i)}) {
			return false
		}
	}
	return true
}

// set writes a text into the field; the error says what would fit.
func (f Field) set(text string) error {
	switch p := f.value.Addr().Interface().(type) {
	case *string:
		*p = text
	case *bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("must be true or false")
		}
		*p = b
	case *int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("must be a whole number, %s", f.Bounds())
		}
		*p = n
	case *float64:
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return fmt.Errorf("must be a number, %s", f.Bounds())
		}
		*p = n
	case *time.Duration:
		d, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf("must be a duration with its unit such as 90s, %s", f.Bounds())
		}
		*p = d
	case *[]string:
		*p = nil
		for part := range strings.SplitSeq(text, ",") {
			if part = strings.TrimSpace(part); part != "" {
				*p = append(*p, part)
			}
		}
	default:
		return fmt.Errorf("cannot be set from a text")
	}
	return nil
}

// check judges the value by the field's tags.
func (f Field) check() (fault string) {
	if bounds := f.tag.Get("bounds"); bounds != "" && !f.within(bounds) {
		return "must be from " + f.Bounds()
	}
	if options := f.tag.Get("oneof"); options != "" && !slices.Contains(strings.Split(options, "|"), f.value.String()) {
		return "must be one of " + f.Bounds()
	}
	text := f.value.String()
	switch f.tag.Get("form") {
	case "required":
		if text == "" {
			return "must not be empty"
		}
	case "host:port":
		host, port, err := net.SplitHostPort(text)
		if n, e := strconv.ParseUint(port, 10, 16); err != nil || e != nil || n > 65535 || strings.ContainsAny(host, "/ ") {
			return "must be host:port, such as 127.0.0.1:8080"
		}
	case "url":
		if text != "" && !isBase(text) {
			return "must be an absolute http or https URL without user, query and fragment, such as https://idv.example.com"
		}
	}
	return ""
}

func isBase(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && u.User == nil &&
		u.RawQuery == "" && !u.ForceQuery && u.Fragment == ""
}

// within judges by "low..high", both included. The tags themselves are checked by a test.
func (f Field) within(bounds string) bool {
	low, high, _ := strings.Cut(bounds, "..")
	v, a, b := f.number(f.Text()), f.number(low), f.number(high)
	return a <= v && v <= b
}

func (f Field) number(text string) float64 {
	if _, ok := f.value.Interface().(time.Duration); ok {
		d, _ := time.ParseDuration(text)
		return float64(d)
	}
	n, _ := strconv.ParseFloat(text, 64)
	return n
}
