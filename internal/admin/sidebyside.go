package admin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// member is one member of what an act found and of what it left.
type member struct {
	Path          string // as rules.0.mode
	Before, After string
	Changed       bool
}

// sideBySide lays two JSON values side by side, member by member. What cannot be read stands there as it is.
func sideBySide(before, after json.RawMessage) []member {
	from, to := members(before), members(after)
	paths := maps.Clone(from)
	maps.Copy(paths, to)
	var list []member
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		list = append(list, member{path, from[path], to[path], from[path] != to[path]})
	}
	return list
}

// members are the values of a JSON value by their paths.
func members(text json.RawMessage) map[string]string {
	found := map[string]string{}
	if len(text) == 0 {
		return found
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber() // a number stays as it was written
	var value any
	if err := d.Decode(&value); err != nil {
		found[""] = string(text)
		return found
	}
	collect(found, "", value)
	return found
}

func collect(found map[string]string, path string, value any) {
	inside := func(name string) string {
		if path == "" {
			return name
		}
		return path + "." + name
	}
	switch v := value.(type) {
	case nil: // not said
	case map[string]any:
		for name, member := range v {
			collect(found, inside(name), member)
		}
	case []any:
		for i, member := range v {
			collect(found, inside(strconv.Itoa(i)), member)
		}
	default:
		found[path] = fmt.Sprint(v)
	}
}
