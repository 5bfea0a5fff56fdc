package api

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// byteOrderMark is what spreadsheets put before UTF-8.
const byteOrderMark = "\ufeff"

// lineFormat reads the text of one line. Every format has one account a line, so that a bad line spoils no other: of
// CSV it takes no line breaks within quotation marks, which no column needs.
type lineFormat interface {
	parse(text []byte, into *importLineIn) error
	// field is how the sender knows a member of importLineIn.
	field(name string) string
}

type ndjsonLines struct{}

func (ndjsonLines) parse(text []byte, into *importLineIn) error { return decode(text, into) }

func (ndjsonLines) field(name string) string { return name }

// csvColumn is one column that a header may name.
type csvColumn struct {
	name     string
	required bool
	set      func(*importLineIn, string)
}

func csvColumns() []csvColumn {
	verified := func(in *importLineIn) *verifiedIn {
		if in.Verified == nil {
			in.Verified = &verifiedIn{}
		}
		return in.Verified
	}
	realName := func(in *importLineIn) *approvedIn {
		if in.RealName == nil {
			in.RealName = &approvedIn{}
		}
		return in.RealName
	}
	return []csvColumn{
		{"account_id", true, func(in *importLineIn, v string) { in.AccountID = v }},
		{"kind", true, func(in *importLineIn, v string) { in.Kind = v }},
		{"region", true, func(in *importLineIn, v string) { in.Region = v }},
		{"registered_at", true, func(in *importLineIn, v string) { in.RegisteredAt = v }},
		{"verified_at", false, func(in *importLineIn, v string) { verified(in).At = v }},
		{"verified_method", false, func(in *importLineIn, v string) { verified(in).Method = v }},
		{"verified_evidence", false, func(in *importLineIn, v string) { verified(in).Evidence = v }},
		{"verified_by", false, func(in *importLineIn, v string) { verified(in).By = v }},
		{"real_name_at", false, func(in *importLineIn, v string) { realName(in).At = v }},
		{"real_name_evidence", false, func(in *importLineIn, v string) { realName(in).Evidence = v }},
		{"real_name_by", false, func(in *importLineIn, v string) { realName(in).By = v }},
	}
}

// csvLines reads lines under one header.
type csvLines struct {
	columns []csvColumn
	source  *bufio.Reader // kept, or csv.Reader would make one for each line
}

func newCSVLines(header []byte) (*csvLines, error) {
	l := &csvLines{source: bufio.NewReader(nil)}
	names, err := l.split(header)
	if err != nil {
		return nil, err
	}
	var f faults
	list := columnNames(csvColumns())
	for n, name := range names {
		i := slices.IndexFunc(csvColumns(), func(c csvColumn) bool { return c.name == strings.TrimSpace(name) })
		switch {
		case i < 0: // what it says is not repeated: without a header it is a line of data
			f.add("header", "unknown_column", fmt.Sprintf("column %d must be one of %s", n+1, list), fmt.Sprintf("第 %d 列应为以下之一：%s", n+1, list))
		case slices.ContainsFunc(l.columns, func(c csvColumn) bool { return c.name == csvColumns()[i].name }):
			f.add("header", "duplicate_column", fmt.Sprintf("column %d names a column again; remove it", n+1), fmt.Sprintf("第 %d 列重复，请删除", n+1))
		default:
			l.columns = append(l.columns, csvColumns()[i])
		}
	}
	for _, c := range csvColumns() {
		if c.required && !slices.ContainsFunc(l.columns, func(has csvColumn) bool { return has.name == c.name }) {
			f.add("header", "missing_column", "must name the column "+c.name+"; columns are separated by commas", "缺少列 "+c.name+"，各列以英文逗号分隔")
		}
	}
	return l, f.err()
}

func columnNames(columns []csvColumn) string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.name
	}
	return strings.Join(names, ", ")
}

func (l *csvLines) parse(text []byte, into *importLineIn) error {
	fields, err := l.split(text)
	if err != nil {
		return err
	}
	if len(fields) != len(l.columns) {
		return notJSON(fmt.Sprintf("The line has %d fields and the header %d. Give every column a field, empty where there is nothing to say.", len(fields), len(l.columns)),
			fmt.Sprintf("该行有 %d 个字段，而表头有 %d 列。请为每一列提供字段，没有内容时留空。", len(fields), len(l.columns)))
	}
	for i, c := range l.columns {
		if fields[i] != "" {
			c.set(into, fields[i])
		}
	}
	return nil
}

func (l *csvLines) field(name string) string { return strings.ReplaceAll(name, ".", "_") }

func (l *csvLines) split(text []byte) ([]string, error) {
	l.source.Reset(bytes.NewReader(text))
	r := csv.NewReader(l.source)
	r.FieldsPerRecord = -1
	fields, err := r.Read()
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	if err != nil {
		return nil, notJSON("The line is not CSV: a quotation mark is not closed, or stands within a field. Double it, put the field into quotation marks, and keep each account on one line.",
			"该行不是有效的 CSV：引号未闭合或出现在字段中间。请将引号写成两个并用引号括住整个字段，每个账号占一行。")
	}
	return fields, nil
}

func notUTF8() error {
	return notJSON("This is not UTF-8. Save the file as UTF-8 (in a spreadsheet: CSV UTF-8); GBK and UTF-16 are not read.",
		"内容不是 UTF-8 编码。请将文件另存为 UTF-8（在表格软件中选择“CSV UTF-8”），不支持 GBK 和 UTF-16。")
}

// begin finds out how lines are written. CSV says so in its header, which is judged before anything is answered.
func (i *importer) begin() error {
	kind, err := contentType(i.c.r, mediaNDJSON, mediaCSV)
	if err != nil || kind == mediaNDJSON {
		i.lines = ndjsonLines{}
		return err
	}
	header, fault, err := i.next()
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return notArrived(err)
	case fault != nil:
		return fault
	}
	i.lines, err = newCSVLines(header)
	return err
}

func csvWords() string {
	required := slices.DeleteFunc(csvColumns(), func(c csvColumn) bool { return !c.required })
	optional := slices.DeleteFunc(csvColumns(), func(c csvColumn) bool { return c.required })
	return "Or CSV in UTF-8 (text/csv), separated by commas, with a header that names " + columnNames(required) + " and, where they are used, " + columnNames(optional) +
		"; a field holds no line break. Line 1 is then the header."
}

func csvMedia() *huma.MediaType {
	return &huma.MediaType{
		Schema:  &huma.Schema{Type: huma.TypeString},
		Example: "account_id,kind,region,registered_at\na1,individual,CN,2020-11-01T09:00:00+08:00\n",
	}
}
