package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"strings"
	"unicode/utf8"
)

// maxDepth is how deeply JSON may be nested.
const maxDepth = 16

// decode reads one JSON object into a struct. What it does not understand is invalid_request: a text that is not
// JSON, a name that the struct does not have, a name that comes twice (whatever its case), another type. The struct
// uses strings for whatever has a form of its own, so that form is judged later and with all other faults.
func decode(body []byte, into any) error {
	if !utf8.Valid(body) {
		return notJSON("The body is not UTF-8.", "请求内容不是 UTF-8 编码。")
	}
	if err := scan(body); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	return decodeProblem(d.Decode(into))
}

func decodeProblem(err error) error {
	if err == nil {
		return nil
	}
	var wrongType *json.UnmarshalTypeError
	if errors.As(err, &wrongType) {
		en, zh := typeName(wrongType.Type)
		return fieldProblem(wrongType.Field, "wrong_type", "must be "+en, "应为"+zh)
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return fieldProblem(strings.Trim(name, `"`), "unknown_field", "is not a field of this request; remove it", "不是该请求的字段，请删除")
	}
	return notJSON("The body is not one JSON object.", "请求内容不是一个 JSON 对象。")
}

// scan judges what encoding/json lets pass.
func scan(body []byte) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var open []map[string]bool // the names of each open object; nil for an array
	name := false              // the next token of the innermost object is a name
	for first := true; ; first = false {
		token, err := d.Token()
		switch {
		case errors.Is(err, io.EOF) && len(open) == 0 && !first:
			return nil
		case err != nil, first && token != json.Delim('{'), !first && len(open) == 0:
			return notJSON("The body is not one JSON object.", "请求内容不是一个 JSON 对象。")
		}
		switch t := token.(type) {
		case json.Delim:
			switch t {
			case '{':
				open, name = append(open, map[string]bool{}), true
			case '[':
				open, name = append(open, nil), false
			default:
				open = open[:len(open)-1]
				name = len(open) > 0 && open[len(open)-1] != nil
			}
			if len(open) > maxDepth {
				return notJSON(fmt.Sprintf("The body is nested deeper than %d levels.", maxDepth), fmt.Sprintf("JSON 嵌套不得超过 %d 层。", maxDepth))
			}
			continue
		case string:
			if name {
				folded, names := strings.ToLower(t), open[len(open)-1]
				if names[folded] {
					return fieldProblem(t, "duplicate_field", "comes twice; send it once", "重复出现，请只发送一次")
				}
				names[folded], name = true, false
				continue
			}
		}
		name = len(open) > 0 && open[len(open)-1] != nil
	}
}

func typeName(t reflect.Type) (en, zh string) {
	switch t.Kind() {
	case reflect.String:
		return "a string", "字符串"
	case reflect.Bool:
		return "true or false", "布尔值"
	case reflect.Int, reflect.Int64:
		return "a whole number", "整数"
	case reflect.Slice:
		return "an array", "数组"
	default:
		return "an object", "对象"
	}
}

func notJSON(en, zh string) *Problem { return problem(CodeInvalidRequest).saying(en, zh) }

func notArrived(cause error) error {
	return notJSON("The body did not arrive whole and in time.", "请求内容未能完整及时到达。").because(cause)
}

var (
	fieldNamePattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]{0,63}$`)
	longNumber       = regexp.MustCompile(`[0-9]{5}`)
)

// fieldProblem names a field of a request that was not understood. A name that is not one is not repeated: it may be a value
// in the wrong place, such as somebody's number.
func fieldProblem(field, code, en, zh string) error {
	if !fieldNamePattern.MatchString(field) || longNumber.MatchString(field) {
		field = "(not a field name)"
	}
	p := problem(CodeInvalidRequest)
	p.Errors = []FieldError{{Field: field, Code: code, said: text{en, zh}}}
	return p.saying("Field "+field+" "+en+".", "字段 "+field+" "+zh+"。")
}
