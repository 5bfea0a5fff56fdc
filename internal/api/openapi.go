package api

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

const securityName = "api_key"

// Tags, in the order of the documentation.
const (
	tagAccounts      = "Accounts"
	tagDecisions     = "Decisions"
	tagVerification  = "Verification"
	tagReviews       = "Reviews"
	tagOperations    = "Operations"
	tagPolicies      = "Policies"
	tagWebhooks      = "Webhooks"
	tagExtensions    = "Extensions"
	tagSweeps        = "Sweeps"
	tagAudit         = "Audit"
	tagLinks         = "Links"
	tagAccess        = "Access"
	tagServer        = "Server"
	schemaPrefix     = "#/components/schemas/"
	mediaJSON        = "application/json"
	mediaNDJSON      = "application/x-ndjson"
	mediaCSV         = "text/csv"
	mediaEventStream = "text/event-stream"
)

func newOpenAPI(version string) *huma.OpenAPI {
	return &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title: "Verigate", Version: version,
			Description: "Real-name review, face verification and dated identity rules for the accounts of a merchant platform. " +
				"Errors are application/problem+json with a stable code. Instants are RFC 3339 with offset; answers use the policy's zone. " +
				"Every POST but the imports and the lists takes an Idempotency-Key.",
		},
		Components: &huma.Components{
			Schemas: huma.NewMapRegistry(schemaPrefix, schemaName),
			SecuritySchemes: map[string]*huma.SecurityScheme{securityName: { //nolint:gosec // the form of a key, not a key
				Type: "http", Scheme: "bearer", BearerFormat: "vg_<id>_<secret>",
				Description: "An API key. Each operation names the scopes of which the key needs one; admin has them all.",
			}},
		},
		Tags: []*huma.Tag{
			{Name: tagAccounts, Description: "Facts of the platform's accounts."},
			{Name: tagDecisions, Description: "The gate: may this account do that, now or at another instant?"},
			{Name: tagVerification, Description: "The merchant's way from submitted information to verified."},
			{Name: tagReviews, Description: "Decisions of reviewers."},
			{Name: tagOperations, Description: "What operators do, and what is recorded."},
			{Name: tagWebhooks, Description: "Addresses of account services that hear of every change."},
			{Name: tagPolicies, Description: "The dated rules: who proposes, who approves, what is in force, and the emergency brake."},
			{Name: tagExtensions, Description: "Later enforcement instants for single accounts, asked for by one key and approved by another."},
			{Name: tagSweeps, Description: "Announcing what the rules block. The gate needs no sweep."},
			{Name: tagAudit, Description: "What people did, and the proof that the logs are what they were."},
			{Name: tagLinks, Description: "Addresses that merchants' phones open. They need no key: the token is the right."},
			{Name: tagAccess, Description: "Who may do what: the persons of the admin pages, and API keys."},
			{Name: tagServer, Description: "Health and documentation."},
		},
	}
}

// schemaName turns the name of a Go type into that of a schema.
func schemaName(t reflect.Type, hint string) string {
	name := strings.TrimSuffix(huma.DefaultSchemaNamer(t, hint), "View")
	if strings.HasSuffix(name, "In") {
		name = strings.TrimSuffix(name, "In") + "Request"
	}
	return name
}

// media is a body of one media type.
type media struct {
	kind   string
	schema *huma.Schema
	words  string // of an answer
}

func (s *Server) json(t reflect.Type) media {
	return media{kind: mediaJSON, schema: s.openapi.Components.Schemas.Schema(t, true, "")}
}

// document adds an operation to the OpenAPI document.
func (s *Server) document(op operation, takesBody bool, in, out media) {
	doc := &huma.Operation{
		OperationID: op.id, Method: op.method, Path: op.path, Tags: []string{op.tag}, Summary: op.summary,
		Description: op.description(), Parameters: s.parameters(op), Responses: map[string]*huma.Response{},
	}
	doc.Security = []map[string][]string{} // open to everybody
	if len(op.scopes) > 0 {
		names := make([]string, len(op.scopes))
		for i, scope := range op.scopes {
			names[i] = string(scope)
		}
		doc.Security = []map[string][]string{{securityName: {}}}
		doc.Extensions = map[string]any{"x-scopes": names, "x-reach": string(op.reaches())}
		if op.recorded() {
			doc.Extensions["x-audited"] = true
		}
	}
	if takesBody {
		doc.RequestBody = &huma.RequestBody{
			Required: in.schema != nil && len(s.required(in.schema)) > 0,
			Content:  map[string]*huma.MediaType{in.kind: {Schema: in.schema}},
		}
	}
	answers := op.answers
	if len(answers) == 0 {
		answers = map[int]string{http.StatusOK: "Done."}
	}
	for status, words := range answers {
		doc.Responses[strconv.Itoa(status)] = answer(status, words, out)
	}
	s.problems(doc, op, takesBody)
	s.openapi.AddOperation(doc)
}

func answer(status int, words string, out media) *huma.Response {
	r := &huma.Response{Description: words}
	if out.kind != "" && status < 300 {
		r.Content = map[string]*huma.MediaType{out.kind: {Schema: out.schema}}
	}
	if status == http.StatusFound {
		r.Headers = map[string]*huma.Param{"Location": {Description: "The provider's address.", Schema: &huma.Schema{Type: huma.TypeString}}}
	}
	return r
}

func (s *Server) required(schema *huma.Schema) []string {
	if schema.Ref != "" {
		schema = s.openapi.Components.Schemas.SchemaFromRef(schema.Ref)
	}
	return schema.Required
}

func (op operation) description() string {
	words := op.words
	if len(op.scopes) > 0 {
		names := make([]string, len(op.scopes))
		for i, scope := range op.scopes {
			names[i] = "`" + string(scope) + "`"
		}
		words += "\n\nScope: " + strings.Join(names, " or ") + "."
	}
	if op.recorded() {
		words += " Calls stand in the audit log."
	}
	if op.reaches() == ReachAll {
		words += " Not for keys that are bound to accounts."
	}
	return strings.TrimSpace(words)
}

func (s *Server) parameters(op operation) []*huma.Param {
	var params []*huma.Param
	text := func(pattern string, most int) *huma.Schema {
		schema := &huma.Schema{Type: huma.TypeString, Pattern: pattern}
		if most > 0 {
			schema.MaxLength = &most
		}
		return schema
	}
	for part := range strings.SplitSeq(op.path, "/") {
		name := strings.Trim(part, "{}")
		if name == part {
			continue
		}
		p := &huma.Param{Name: name, In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}, Description: pathWords(name)}
		if name == "account_id" {
			p.Schema = text(`^[A-Za-z0-9._-]{1,64}$`, 64)
			p.Example = "a1"
		}
		params = append(params, p)
	}
	for _, q := range op.query {
		schema := &huma.Schema{Type: huma.TypeString}
		if q.whole {
			schema.Type = huma.TypeInteger
		}
		for _, v := range q.values {
			schema.Enum = append(schema.Enum, v)
		}
		p := &huma.Param{Name: q.name, In: "query", Description: q.words, Schema: schema}
		if q.many {
			separate := false
			p.Schema, p.Style, p.Explode = &huma.Schema{Type: huma.TypeArray, Items: schema}, "form", &separate
		}
		params = append(params, p)
	}
	if op.method == http.MethodPost && !op.lines && !op.streams && !op.secret {
		params = append(params, &huma.Param{
			Name: idempotencyHeader, In: "header", Schema: text(`^[\x21-\x7e]{1,255}$`, 255),
			Description: "Makes it safe to send the request again: the same key with the same body is the same command and is answered like the first time (with Idempotent-Replayed: true). Remembered for at least a day.",
		})
	}
	return params
}

func pathWords(name string) string {
	switch name {
	case "account_id":
		return "The platform's own id of the account: 1 to 64 characters of A-Z a-z 0-9 . _ -"
	case "name":
		return "Name of the policy."
	case "webhook_id":
		return "Id of the webhook."
	case "version":
		return "Version of the policy, from 1."
	case "number":
		return "Number of the prompt, from 1."
	case "run_id":
		return "Id of the run, as its start answered it."
	case "extension_id":
		return "Id of the extension, from its request."
	case "evidence_id":
		return "Id of the piece, from the list."
	case "sweep_id":
		return "Id of the sweep: policy.version.instant, as wishpost-face-verification.1.20201203T160000Z"
	case "operator_id":
		return "Id of the operator."
	case "key_id":
		return "Id of the key: what stands between its two underscores."
	case "file":
		return "A token, then .png"
	default:
		return "A token that this server made."
	}
}

// problems documents which codes the operation answers with which status.
func (s *Server) problems(doc *huma.Operation, op operation, takesBody bool) {
	if op.tag == tagLinks || op.tag == tagServer {
		for _, c := range op.codes {
			doc.Responses[strconv.Itoa(statusOf(c))] = &huma.Response{Description: "`" + string(c) + "`"}
		}
		return
	}
	all := append([]Code{CodeInvalidRequest, CodeUnauthenticated, CodeForbidden, CodeRateLimited, CodeInternal, CodeStoreUnavailable}, op.codes...)
	if op.reaches() == ReachAll {
		all = append(all, CodeKeyBound)
	}
	if takesBody {
		all = append(all, CodeTooLarge, CodeUnsupportedMediaType, CodeValidationFailed)
	}
	if strings.Contains(op.path, "{account_id}") {
		all = append(all, CodeValidationFailed)
		if op.method != http.MethodPut {
			all = append(all, CodeAccountNotFound)
		}
	}
	if op.method == http.MethodPost && !op.lines && !op.streams && !op.secret {
		all = append(all, CodeIdempotencyConflict)
	}
	byStatus := map[int][]string{}
	for _, c := range all {
		name := "`" + string(c) + "`"
		if status := statusOf(c); !slices.Contains(byStatus[status], name) {
			byStatus[status] = append(byStatus[status], name)
		}
	}
	schema := s.openapi.Components.Schemas.Schema(reflect.TypeFor[Problem](), true, "")
	for status, names := range byStatus {
		slices.Sort(names)
		doc.Responses[strconv.Itoa(status)] = &huma.Response{
			Description: strings.Join(names, ", "),
			Content:     map[string]*huma.MediaType{problemType: {Schema: schema}},
		}
	}
}

// publish renders the OpenAPI document and the page that shows it, once.
func (s *Server) publish() error {
	for _, schema := range s.openapi.Components.Schemas.Map() {
		for _, p := range schema.Properties {
			if p.Nullable && len(p.Enum) > 0 {
				p.Enum = append(p.Enum, nil) // or null would be of the type and not of the values
			}
		}
	}
	spec, err := json.Marshal(s.openapi)
	if err != nil {
		return fmt.Errorf("api: OpenAPI document: %w", err)
	}
	docs, err := s.renderDocs()
	if err != nil {
		return err
	}
	s.mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		s.write(w, http.StatusOK, mediaJSON, spec)
	})
	s.mux.HandleFunc("GET /docs", func(w http.ResponseWriter, _ *http.Request) { s.page(w, http.StatusOK, docs) })
	return nil
}

// orNull makes a schema that is also null: huma knows that of scalars only.
func orNull(schema *huma.Schema, names ...string) {
	for _, name := range names {
		p := schema.Properties[name]
		words := p.Description
		p.Description = ""
		schema.Properties[name] = &huma.Schema{AnyOf: []*huma.Schema{p, {Type: "null"}}, Description: words}
	}
}

// joined adds the members of embedded types to a schema: huma passes over types that are not exported.
func joined(r huma.Registry, s *huma.Schema, parts ...reflect.Type) *huma.Schema {
	if s.Properties == nil {
		s.Properties = map[string]*huma.Schema{}
	}
	for _, part := range parts {
		embedded := huma.SchemaFromType(r, part)
		maps.Copy(s.Properties, embedded.Properties)
		s.Required = append(s.Required, embedded.Required...)
	}
	return s
}

func schemaOf[T any](r huma.Registry) *huma.Schema { return r.Schema(reflect.TypeFor[T](), true, "") }

// operations lists the documented operations by tag, then by path.
func (s *Server) operations() map[string][]*huma.Operation {
	byTag := map[string][]*huma.Operation{}
	for _, path := range slices.Sorted(maps.Keys(s.openapi.Paths)) {
		item := s.openapi.Paths[path]
		for _, op := range []*huma.Operation{item.Get, item.Put, item.Post, item.Delete} {
			if op != nil {
				byTag[op.Tags[0]] = append(byTag[op.Tags[0]], op)
			}
		}
	}
	return byTag
}
