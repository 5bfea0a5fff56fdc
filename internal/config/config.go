package config

import (
	"time"

	"github.com/verigate/verigate/internal/evidence"
)

// Config is every setting. The zero value is not usable: begin with Default.
type Config struct {
	HTTP     HTTP     `yaml:"http"`
	Store    Store    `yaml:"store"`
	Vault    Vault    `yaml:"vault"`
	Secrets  Secrets  `yaml:"secrets"`
	Temporal Temporal `yaml:"temporal"`
	Worker   Worker   `yaml:"worker"`
	Provider Provider `yaml:"provider"`
	Notify   Notify   `yaml:"notify"`
	Limits   Limits   `yaml:"limits"`
	QR       QR       `yaml:"qr"`
	Pages    Pages    `yaml:"pages"`
	Admin    Admin    `yaml:"admin"`
	Policies Policies `yaml:"policies"`
	Rates    Rates    `yaml:"rates"`
	Webhooks Webhooks `yaml:"webhooks"`
	Sweeps   Sweeps   `yaml:"sweeps"`
	Log      Log      `yaml:"log"`

	Extensions Extensions `yaml:"extensions"`
	Reviews    Reviews    `yaml:"reviews"`
	Evidence   Evidence   `yaml:"evidence"`
	Retention  Retention  `yaml:"retention"`

	Telemetry Telemetry `yaml:"telemetry"`
}

// HTTP is the server of the API and of the links that phones open.
type HTTP struct {
	// Address to listen on. One that other machines reach needs http.tls, or a proxy that speaks TLS.
	Listen string `yaml:"listen" form:"host:port"`
	// Base URL under which phones and browsers reach this server; it stands in QR codes and links. With https, cookies are marked for it and browsers are told to come by TLS only. Empty: the address to listen on.
	PublicURL string `yaml:"public_url" form:"url"`
	// Networks of the proxies in front of this server, in CIDR notation: their X-Forwarded-For says who the caller is. Empty: nobody is believed, and behind a proxy all callers count as one.
	TrustedProxies []string `yaml:"trusted_proxies"`
	// Listen on an address that other machines reach without TLS and without a proxy. Keys, names and numbers then cross the network in clear.
	AllowClear bool `yaml:"allow_clear"`
	// Certificate of this server.
	TLS HTTPTLS `yaml:"tls"`
	// For how long browsers are told to come by TLS only (HSTS), where the public URL is https. 0 says nothing: begin with 5m if you are not sure that TLS stays.
	HSTSMaxAge time.Duration `yaml:"hsts_max_age" bounds:"0s..17520h"`
	// Tell browsers the same of every name below that of the public URL. Only if all of them speak TLS.
	HSTSSubdomains bool `yaml:"hsts_subdomains"`
	// Connections at once. Beyond it, new ones are closed.
	MaxConnections int `yaml:"max_connections" bounds:"16..1000000"`
	// Connections at once from one address, or from one IPv6 subscriber (/64). Those of this machine and of trusted proxies are not counted.
	MaxConnectionsPerAddress int `yaml:"max_connections_per_address" bounds:"1..1000000"`
	// How long a client may take to send its request header.
	ReadHeaderTimeout time.Duration `yaml:"read_header_timeout" bounds:"100ms..1m"`
	// How long a whole answer may take. Event streams and imports are exempt.
	WriteTimeout time.Duration `yaml:"write_timeout" bounds:"10s..10m"`
	// How long a connection may lie idle between requests.
	IdleTimeout time.Duration `yaml:"idle_timeout" bounds:"1s..1h"`
	// Size of a request header in bytes.
	MaxHeaderBytes int `yaml:"max_header_bytes" bounds:"4096..1048576"`
	// How long a process that is told to stop goes on serving while /readyz says that it stops. Set it to what your balancer takes to notice, some seconds; http.shutdown_timeout comes on top.
	Drain time.Duration `yaml:"drain" bounds:"0s..2m"`
	// How long a stop waits for what is going on. What is not answered by then was not taken, or is found again under its Idempotency-Key.
	ShutdownTimeout time.Duration `yaml:"shutdown_timeout" bounds:"1s..1m"`
	// Serve counters for Prometheus under /metrics, without a key. They name routes and no account; keep the path from the outside at the proxy.
	Metrics bool `yaml:"metrics"`
}

// HTTPTLS is the certificate of this server. Without one it speaks no TLS.
type HTTPTLS struct {
	// Certificate chain (PEM file). It is read again when the file changes; one that cannot be used is complained about, and the old one stays.
	CertFile string `yaml:"cert_file"`
	// Its key (PEM file).
	KeyFile string `yaml:"key_file"`
}

// Store is the database of accounts, verifications, policies and personal data.
type Store struct {
	// Database: sqlite is a file on this machine, for one machine; postgres is a server that several share. See docs/postgresql.md.
	Driver string `yaml:"driver" oneof:"sqlite|postgres"`
	// File of the database, with sqlite. Its directory must exist.
	Path string `yaml:"path"`
	// The database, with postgres: postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full. It must not be the one of vault.keys_url.
	URL Secret `yaml:"url"`
	// Connections that this process holds to PostgreSQL at most, without the one that listens. The database of vault.keys_url gets as many again.
	Connections int `yaml:"connections" bounds:"4..1000"`
	// How long one statement may take in PostgreSQL. Those of migrations are not bounded.
	StatementTimeout time.Duration `yaml:"statement_timeout" bounds:"1s..10m"`
	// Bring the schema up to date when the program starts. If false, run verigate migrate first.
	Migrate bool `yaml:"migrate"`
}

// Databases that a store may lie in.
const (
	SQLite   = "sqlite"
	Postgres = "postgres"
)

// What wraps data keys.
const (
	KEKKeyset  = "keyset"
	KEKTransit = "transit"
)

// Vault keeps personal data, each account's under keys of its own. See docs/vault.md.
type Vault struct {
	// File of the data keys. Keep its backups apart from those of store.path, and few of them. Empty: beside store.path, with -keys in its name, or with vault.keys_url none.
	KeysPath string `yaml:"keys_path"`
	// PostgreSQL database of the data keys, in place of the file. Several machines need it. It must not be the one of store.url, and its backups are to be kept apart from that one's.
	KeysURL Secret `yaml:"keys_url"`
	// What wraps the data keys: secrets.vault_keyset, or a key management service with the Transit interface of HashiCorp Vault and OpenBao.
	KEK string `yaml:"kek" oneof:"keyset|transit"`
	// That service.
	Transit Transit `yaml:"transit"`
}

// Transit is a key of a service with the Transit interface. It must be of a type with authenticated data, such as aes256-gcm96.
type Transit struct {
	// Address of the service.
	Address string `yaml:"address" form:"url"`
	// Path at which its Transit engine is mounted.
	Mount string `yaml:"mount"`
	// Name of the key.
	Key string `yaml:"key"`
	// Namespace, where the service has them.
	Namespace string `yaml:"namespace"`
	// Token that may encrypt and decrypt with the key and read its versions.
	Token Secret `yaml:"token"`
	// File with the token instead, read again when it changes, as an agent of the service renews it.
	TokenFile string `yaml:"token_file"`
	// Certificates (PEM file) that the service's certificate is checked against. Empty: those of the system.
	CAFile string `yaml:"ca_file"`
	// How long one call may take.
	Timeout time.Duration `yaml:"timeout" bounds:"100ms..30s"`
}

// Secrets are the keys of this deployment. Make them with verigate secrets new.
type Secrets struct {
	// Keyset that wraps the data keys of personal data, unless vault.kek says otherwise, and that makes digests of document numbers. Losing it loses the data.
	VaultKeyset Secret `yaml:"vault_keyset"`
	// Keyset that payloads in Temporal are encrypted with. API and workers need the same one.
	CodecKeyset Secret `yaml:"codec_keyset"`
	// Keys that links, QR codes and cursors are signed with: one a line, base64 of 32 bytes or more, newest first.
	LinkKeys Secret `yaml:"link_keys"`
	// Keys that receipts of decisions, checkpoints and exports are signed with: one a line, written id:base64 with 32 bytes or more, newest first. See docs/receipts.md.
	ReceiptKeys Secret `yaml:"receipt_keys"`
}

// Where the engine runs.
const (
	Embedded = "embedded"
	Remote   = "remote"
)

// Temporal is the durable engine.
type Temporal struct {
	// Where the engine runs: embedded in this process on SQLite files, or remote.
	Mode string `yaml:"mode" oneof:"embedded|remote"`
	// Address of a remote server's frontend.
	Address string `yaml:"address" form:"host:port"`
	// Namespace. A remote one is created by verigate migrate if it is missing.
	Namespace string `yaml:"namespace" form:"required"`
	// Connect to a remote server with TLS.
	TLS bool `yaml:"tls"`
	// Certificates (PEM file) that the remote server's certificate is checked against. Empty: those of the system.
	TLSCAFile string `yaml:"tls_ca_file"`
	// Our certificate (PEM file), for servers that ask for one.
	TLSCertFile string `yaml:"tls_cert_file"`
	// Key of our certificate (PEM file).
	TLSKeyFile string `yaml:"tls_key_file"`
	// Name in the remote server's certificate, if it is not the host of the address.
	TLSServerName string `yaml:"tls_server_name"`
	// API key, for servers that ask for one. Needs TLS.
	APIKey Secret `yaml:"api_key"`
	// Temporal's own configuration file (TOML), which fills in what is not set here: address, namespace, TLS and API key, and headers and authority of the connection. Empty: TEMPORAL_CONFIG_FILE, if that is set. The other TEMPORAL_* variables count before the file, and settings of ours before both. Its codec does not count: payloads are always sealed with secrets.codec_keyset.
	ConfigFile string `yaml:"config_file"`
	// Profile in that file. Empty: TEMPORAL_PROFILE, or default.
	Profile string `yaml:"profile"`
	// Inline is no setting; see Load.
	Inline Inline `yaml:"-"`
	// How long a command waits for its answer before the caller is told that the outcome is unknown.
	CommandTimeout time.Duration `yaml:"command_timeout" bounds:"1s..1m"`
	// The same for commands that ask the face provider while the caller waits. Below http.write_timeout.
	ProviderTimeout time.Duration `yaml:"provider_timeout" bounds:"1s..2m"`
	// Directory of the embedded engine's files. It must exist.
	Dir string `yaml:"dir"`
	// Port of the embedded engine on 127.0.0.1. 0 takes a free one.
	Port int `yaml:"port" bounds:"0..65535"`
	// Port of the embedded engine's web UI on 127.0.0.1. 0 takes a free one, -1 runs none.
	UIPort int `yaml:"ui_port" bounds:"-1..65535"`
}

// Worker runs workflows and activities.
type Worker struct {
	// Run a worker in the process that serves the API. If false, run verigate worker elsewhere.
	InProcess bool `yaml:"in_process"`
	// Task queues that this process serves: verigate (verifications), verigate-provider (calls to the face provider), verigate-waiting (waits for face results), verigate-enforcement (sweeps and reminders). Empty: all of them. Somebody has to serve each; see docs/temporal.md.
	Queues []string `yaml:"queues"`
	// Activities at once from each queue but that of waits.
	MaxActivities int `yaml:"max_activities" bounds:"1..100000"`
	// Waits for face results at once: one for each QR code that is shown.
	MaxWaits int `yaml:"max_waits" bounds:"1..1000000"`
	// Calls to the face provider that Temporal hands out a second, to all workers together. All workers must have the same figure, or 0, which bounds nothing. A wait for a face result counts once, and asks on within provider.alipay.rate_per_second.
	ProviderPerSecond float64 `yaml:"provider_per_second" bounds:"0..100000"`
	// Name under which Temporal knows this program's versions. Used with worker.build_id.
	Deployment string `yaml:"deployment" form:"required"`
	// Version of this build for Temporal: it gets no work until verigate rollout says so. Empty: this build gets the work of all versions. See docs/rollout.md.
	BuildID string `yaml:"build_id"`
	// Verifications that are kept in memory between two events; each takes some 40 KiB.
	Cache int `yaml:"cache" bounds:"0..1000000"`
}

// Which provider verifies faces.
const (
	ProviderAlipay    = "alipay"
	ProviderSimulated = "simulated"
)

// Provider verifies faces.
type Provider struct {
	// Which provider. The simulated one is for demonstrations: it passes whoever presses the button.
	Kind string `yaml:"kind" oneof:"alipay|simulated"`
	// Address that the simulated provider listens on.
	SimulatorListen string `yaml:"simulator_listen" form:"host:port"`
	// File in which the simulated provider keeps its attempts. Empty: memory only.
	SimulatorState string `yaml:"simulator_state"`
	// Alipay's contract and keys.
	Alipay Alipay `yaml:"alipay"`
}

// Alipay is one application at Alipay, with its keys either plain or as certificates.
type Alipay struct {
	// Gateway for calls.
	Gateway string `yaml:"gateway" form:"url"`
	// Gateway as phones reach it. Empty: the same.
	PageGateway string `yaml:"page_gateway" form:"url"`
	// Id of the application.
	AppID string `yaml:"app_id"`
	// The application's private key (PEM, RSA 2048 bits or more).
	PrivateKey Secret `yaml:"private_key"`
	// Alipay's public key (PEM), in plain-key mode.
	PublicKey Secret `yaml:"public_key"`
	// The application's certificate (PEM), in certificate mode.
	AppCert Secret `yaml:"app_cert"`
	// The certificate that Alipay signs with (PEM), in certificate mode.
	AlipayCert Secret `yaml:"alipay_cert"`
	// Alipay's root certificates (PEM), in certificate mode.
	RootCert Secret `yaml:"root_cert"`
	// Product of the contract.
	BizCode string `yaml:"biz_code" oneof:"FACE|SMART_FACE|CERT_PHOTO|CERT_PHOTO_FACE"`
	// How long one call may take.
	Timeout time.Duration `yaml:"timeout" bounds:"100ms..1m"`
	// Calls per second that this process makes at most; its share of the application's quota.
	RatePerSecond float64 `yaml:"rate_per_second" bounds:"0.1..10000"`
	// Calls that may be made at once after a pause.
	Burst int `yaml:"burst" bounds:"1..10000"`
	// Document numbers of the provider's test environment, which are accepted without a valid check digit.
	SandboxNumbers []string `yaml:"sandbox_numbers"`
}

// How merchants are reminded besides webhooks.
const (
	NotifyOff       = "off"
	NotifyAliyun    = "aliyun"
	NotifySimulated = "simulated"
)

// Notify sends reminders to merchants as text messages.
type Notify struct {
	// Who sends them. off: reminders stand in the log and go out by webhook only. The simulated one is for demonstrations: its messages are seen on its own page.
	Kind string `yaml:"kind" oneof:"off|aliyun|simulated"`
	// Address that the simulated service listens on.
	SimulatorListen string `yaml:"simulator_listen" form:"host:port"`
	// Contract with Alibaba Cloud's short message service.
	Aliyun AliyunSMS `yaml:"aliyun"`
}

// AliyunSMS is the contract with Alibaba Cloud's short message service: an access key that may send and query messages, an approved signature and two approved templates.
type AliyunSMS struct {
	// Address of the service.
	Endpoint string `yaml:"endpoint" form:"url"`
	// Id of the access key.
	AccessKeyID string `yaml:"access_key_id"`
	// The access key's secret.
	AccessKeySecret Secret `yaml:"access_key_secret"`
	// Approved signature that begins each message.
	SignName string `yaml:"sign_name"`
	// Code of the approved template for reminders before the deadline, with the values ${date} and ${days}.
	TemplateBefore string `yaml:"template_before"`
	// Code of the approved template for reminders after the deadline, with the same values.
	TemplateAfter string `yaml:"template_after"`
	// How long one call may take.
	Timeout time.Duration `yaml:"timeout" bounds:"100ms..1m"`
	// Makes the address to which the service pushes receipts hard to guess: /hooks/sms/ and this. They are not signed, so they are taken as hints. Empty: none are taken.
	ReceiptsSecret Secret `yaml:"receipts_secret"`
}

// Limits are figures of the course of a verification.
type Limits struct {
	// Face verifications that an account may begin per Beijing day.
	AttemptsPerDay int `yaml:"attempts_per_day" bounds:"1..100"`
	// How long one QR code is shown.
	QRLease time.Duration `yaml:"qr_lease" bounds:"5s..1h"`
	// Updates after which a run is continued as new; the server refuses more than 2,000.
	ContinueAfter int `yaml:"continue_after" bounds:"10..1900"`
}

// QR is the code that the merchant scans.
type QR struct {
	// What it holds: the provider's address, which Alipay's scanner opens; or our own link, which any camera opens, records the scan and leads on to the provider.
	Content string `yaml:"content" oneof:"provider_url|scan_link"`
}

// Pages are the hosted pages on which merchants verify.
type Pages struct {
	// Who asks for the real name and answers for it, in Chinese: the processor that the terms name. Must be set to serve the pages.
	OperatorZh string `yaml:"operator_zh"`
	// The same in English.
	OperatorEn string `yaml:"operator_en"`
	// Where the operator is reached for questions about personal data: a mail address or telephone number.
	Contact string `yaml:"contact"`
	// Page of your own site that a login prompt leads to (the prompt's link): there the merchant, signed in, gets a one-time link. Empty: prompts carry no link.
	PromptLink string `yaml:"prompt_link" form:"url"`
	// How long a one-time link to the pages waits for its opening.
	LinkLife time.Duration `yaml:"link_life" bounds:"1m..24h"`
	// How long a browser's session lasts at most.
	SessionLife time.Duration `yaml:"session_life" bounds:"5m..12h"`
	// How long a session lasts without an act of the person.
	SessionIdle time.Duration `yaml:"session_idle" bounds:"1m..12h"`
}

// Admin is the pages for the operator's own people, under /admin. See docs/admin.md.
type Admin struct {
	// Serve the pages.
	Enabled bool `yaml:"enabled"`
	// Let people sign in with a user name and a password. verigate operators add makes the first one.
	Passwords bool `yaml:"passwords"`
	// How long after the last act of a person a session ends.
	SessionIdle time.Duration `yaml:"session_idle" bounds:"1m..24h"`
	// How long after the sign-in a session ends, whatever the person does.
	SessionLife time.Duration `yaml:"session_life" bounds:"5m..168h"`
	// Heading of the page to sign in. Empty: "Sign in", in the reader's language.
	SignInTitle string `yaml:"sign_in_title"`
	// Base URL of Temporal's web UI, for links to workflows. Empty: that of the embedded engine, or no links.
	TemporalUI string `yaml:"temporal_ui" form:"url"`
	// Origins of further web UIs of Temporal, as https://temporal.example.com, in which people who are signed in here and may see payloads see them in clear. That of admin.temporal_ui, or of the embedded engine, needs no mention. See docs/payloads.md.
	PayloadOrigins []string `yaml:"payload_origins"`
	// Identity provider.
	OIDC OIDC `yaml:"oidc"`
}

// OIDC is an identity provider that people sign in at, by OpenID Connect. It also decides on their roles.
type OIDC struct {
	// Issuer, as its discovery document names it. Empty: no provider.
	Issuer string `yaml:"issuer" form:"url"`
	// What the provider calls this program.
	ClientID string `yaml:"client_id"`
	// Secret of this program at the provider. Empty for a public client.
	ClientSecret Secret `yaml:"client_secret"`
	// Name on the button: Sign in with …. Empty: the host of the issuer.
	Name string `yaml:"name"`
	// What is asked for.
	Scopes []string `yaml:"scopes"`
	// Claim of the ID token that lists a person's groups; a dot leads into an object, as in realm_access.roles.
	Claim string `yaml:"claim"`
	// Role of a group, as GROUP=ROLE with viewer, reviewer, operator, auditor or admin. Of several that fit, the first counts. Nobody without a role gets in.
	Roles []string `yaml:"roles"`
}

// Policies is how the dated rules are published.
type Policies struct {
	// A published version is a proposal until another API key with the scope policies:approve approves it. If false, the key that publishes is enough.
	SecondApprover bool `yaml:"second_approver"`
}

// Rates bound what one caller can ask for. A caller above them gets 429 with Retry-After.
type Rates struct {
	// Requests per second of one API key.
	PerKey float64 `yaml:"per_key" bounds:"0.1..1000000"`
	// Requests that one API key may make at once after a pause.
	PerKeyBurst int `yaml:"per_key_burst" bounds:"1..1000000"`
	// Commands per second for one account (submit, start face verification, refresh, links and the like), whoever sends them.
	PerAccount float64 `yaml:"per_account" bounds:"0.01..1000"`
	// Commands for one account that may come at once after a pause.
	PerAccountBurst int `yaml:"per_account_burst" bounds:"1..10000"`
	// Requests per second without an API key from one address, or from one IPv6 subscriber (/64): links, pages, their files, sign-ins. A whole office may have one address.
	PerAddress float64 `yaml:"per_address" bounds:"0.1..100000"`
	// Requests without an API key that one address may make at once after a pause.
	PerAddressBurst int `yaml:"per_address_burst" bounds:"1..100000"`
	// Bad API keys and links that are none of ours, per second and address. Beyond it the answer to a bad one is 429.
	Failures float64 `yaml:"failures" bounds:"0.01..1000"`
	// Bad keys and links that may come at once from one address after a pause.
	FailuresBurst int `yaml:"failures_burst" bounds:"1..10000"`
	// Event streams at once.
	Streams int `yaml:"streams" bounds:"1..1000000"`
}

// Webhooks are the messages that account services get of every change.
type Webhooks struct {
	// Deliver from the processes that serve the API. If false everywhere, messages wait.
	Deliver bool `yaml:"deliver"`
	// Networks that may be delivered to although they are not public, such as 10.20.0.0/16. Name them as narrowly as you can: whoever may add a webhook can reach them.
	AllowedNetworks []string `yaml:"allowed_networks"`
	// Let webhooks without TLS through, to the allowed networks only.
	AllowHTTP bool `yaml:"allow_http"`
	// Deliveries under way at once in one process. Each enabled webhook has its share of them.
	Concurrency int `yaml:"concurrency" bounds:"32..1024"`
	// Deliveries under way at once to one webhook.
	PerWebhook int `yaml:"per_webhook" bounds:"1..256"`
	// How long one try may take.
	Timeout time.Duration `yaml:"timeout" bounds:"1s..30s"`
	// How often the queue is looked at. A change is announced that late at most, if nothing else is waiting.
	PollInterval time.Duration `yaml:"poll_interval" bounds:"50ms..1m"`
	// How long nothing but failures may come from a webhook until it is disabled. Below 76 hours messages are not yet given up by then.
	DisableAfter time.Duration `yaml:"disable_after" bounds:"1h..2160h"`
	// How long a finished delivery is kept to be seen. A redelivery is made from the log and does not need it.
	Keep time.Duration `yaml:"keep" bounds:"1h..8760h"`
}

// Sweeps announce what the rules block and what they no longer block. No decision waits for them.
type Sweeps struct {
	// How long after midnight, in the policies' zone, the daily sweep begins. Others begin when a phase or a version does.
	Daily time.Duration `yaml:"daily" bounds:"0s..23h59m"`
	// Parts of the accounts that one sweep goes over at the same time.
	Shards int `yaml:"shards" bounds:"1..64"`
}

// Log is what the program writes to standard error.
type Log struct {
	// Least level that is written.
	Level string `yaml:"level" oneof:"debug|info|warn|error"`
	// Form of a line.
	Format string `yaml:"format" oneof:"text|json"`
}

// Extensions are later enforcement instants for single accounts.
type Extensions struct {
	// Another key than the one that requested an extension has to approve it. If false, a key that may approve grants at once.
	SecondApprover bool `yaml:"second_approver"`
}

// Reviews are the queues of reviewers.
type Reviews struct {
	// How long real-name information may wait for a reviewer before its case is marked late.
	SLA time.Duration `yaml:"sla" bounds:"1m..720h"`
	// The same for the route without a face.
	ManualSLA time.Duration `yaml:"manual_sla" bounds:"1m..2160h"`
	// How long a claim keeps others from deciding a case, from the last act of its holder.
	Lease time.Duration `yaml:"lease" bounds:"1m..8h"`
	// An approval on the route without a face takes effect when another person or key has given one too.
	ManualSecondApprover bool `yaml:"manual_second_approver"`
	// Names and numbers that one person or key may see in clear per hour.
	RevealsPerHour int `yaml:"reveals_per_hour" bounds:"1..10000"`
}

// Evidence is what merchants give for a verification without a face.
type Evidence struct {
	// Approve such a verification only if everything that it needs is there. Set it to false if your reviewers are shown evidence elsewhere.
	Required bool `yaml:"required"`
	// What it needs: any of id_front, id_back, holding, other.
	Needs []string `yaml:"needs"`
	// How long evidence is kept after the decision. Then it is deleted for good.
	KeepAfterDecision time.Duration `yaml:"keep_after_decision" bounds:"1h..8760h"`
}

// Retention is how long personal data is kept. What is due is erased within an hour, with a receipt; see docs/deletion.md.
type Retention struct {
	// Names, numbers, notes and evidence of an account, from its closing on. 0 keeps them.
	AfterClosing time.Duration `yaml:"after_closing" bounds:"0s..876000h"`
	// Address and browser of consents, from the end of the account's last consent or its closing on. 0 keeps them.
	Consents time.Duration `yaml:"consents" bounds:"0s..876000h"`
}

// Telemetry is how the program is watched. See docs/telemetry.md.
type Telemetry struct {
	// Address at which /metrics, /healthz and /readyz are served besides the API, as Prometheus and an orchestrator ask for them; a worker of its own serves nothing else. They need no key: keep the address from the outside. Empty: none.
	Listen string `yaml:"listen"`
	// Traces of requests, workflows, activities and calls to others.
	Traces Traces `yaml:"traces"`
}

// Traces are spans, sent to a collector by OpenTelemetry's protocol (OTLP over gRPC). They name routes, workflows and activities; no address, body or header is in them.
type Traces struct {
	// The collector, as http://127.0.0.1:4317 (in clear) or https://collector.example.com:4317. Empty: no traces are made.
	Endpoint string `yaml:"endpoint" form:"url"`
	// Share of the requests that are traced. What a trusted proxy has decided to trace is traced.
	Ratio float64 `yaml:"ratio" bounds:"0..1"`
}

// Default returns the defaults. What has none (the secrets, the contract with the provider) is empty.
func Default() Config {
	return Config{
		HTTP: HTTP{
			Listen: "127.0.0.1:8080", ReadHeaderTimeout: 5 * time.Second, WriteTimeout: time.Minute,
			IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10, ShutdownTimeout: 10 * time.Second, Metrics: true,
			HSTSMaxAge: 8760 * time.Hour, MaxConnections: 20_000, MaxConnectionsPerAddress: 500,
		},
		Store: Store{
			Driver: SQLite, Path: "verigate.db", Connections: 10, StatementTimeout: 30 * time.Second, Migrate: true,
		},
		Vault: Vault{KEK: KEKKeyset, Transit: Transit{Mount: "transit", Timeout: 5 * time.Second}},
		Temporal: Temporal{
			Mode: Remote, Address: "127.0.0.1:7233", Namespace: "verigate",
			CommandTimeout: 10 * time.Second, ProviderTimeout: 30 * time.Second,
			Dir: "engine", UIPort: -1,
		},
		Worker: Worker{InProcess: true, MaxActivities: 1000, MaxWaits: 10_000, Cache: 2000, Deployment: "verigate"},
		Provider: Provider{
			Kind: ProviderAlipay, SimulatorListen: "127.0.0.1:0",
			Alipay: Alipay{
				Gateway: "https://openapi.alipay.com/gateway.do", BizCode: "FACE", Timeout: 8 * time.Second,
				RatePerSecond: 20, Burst: 40,
			},
		},
		Notify: Notify{
			Kind: NotifyOff, SimulatorListen: "127.0.0.1:0",
			Aliyun: AliyunSMS{Endpoint: "https://dysmsapi.aliyuncs.com", Timeout: 8 * time.Second},
		},
		Limits: Limits{AttemptsPerDay: 5, QRLease: 10 * time.Minute, ContinueAfter: 1500},
		QR:     QR{Content: "provider_url"},
		Pages:  Pages{LinkLife: 10 * time.Minute, SessionLife: 30 * time.Minute, SessionIdle: 15 * time.Minute},
		Admin: Admin{
			Enabled: true, Passwords: true, SessionIdle: 30 * time.Minute, SessionLife: 12 * time.Hour,
			OIDC: OIDC{Scopes: []string{"openid", "profile"}, Claim: "groups"},
		},
		Policies: Policies{SecondApprover: true},
		Rates: Rates{
			PerKey: 20_000, PerKeyBurst: 40_000, PerAccount: 1, PerAccountBurst: 30, PerAddress: 50, PerAddressBurst: 300,
			Failures: 1, FailuresBurst: 30, Streams: 10_000,
		},
		Webhooks: Webhooks{
			Deliver: true, Concurrency: 64, PerWebhook: 16, Timeout: 15 * time.Second, PollInterval: 500 * time.Millisecond,
			DisableAfter: 120 * time.Hour, Keep: 720 * time.Hour,
		},
		Sweeps:     Sweeps{Daily: 10 * time.Minute, Shards: 4},
		Reviews:    Reviews{SLA: 24 * time.Hour, ManualSLA: 72 * time.Hour, Lease: 15 * time.Minute, RevealsPerHour: 120},
		Extensions: Extensions{SecondApprover: true},
		Evidence:   Evidence{Required: true, Needs: evidence.Needed(), KeepAfterDecision: 720 * time.Hour},
		Retention:  Retention{AfterClosing: 26280 * time.Hour, Consents: 26280 * time.Hour},
		Log:        Log{Level: "info", Format: "json"},
		Telemetry:  Telemetry{Traces: Traces{Ratio: 0.1}},
	}
}
