package config

import (
	"cmp"
	"errors"
	"net"
	"net/url"
	"slices"
	"strings"
)

// validateDatabases judges where the data and the keys of personal data lie, and that these are two places.
func (c *Config) validateDatabases(need func(ok bool, field, message string)) {
	s, v := c.Store, c.Vault
	need(s.Driver != SQLite || s.Path != "", "store.path", "must name the file when store.driver is sqlite")
	need(s.Driver != Postgres || s.URL.IsSet(), "store.url",
		"must say where the database is when store.driver is postgres: file:PATH or env:NAME of a text such as "+databaseForm)
	need(s.Driver == Postgres || !s.URL.IsSet(), "store.url", "counts with store.driver postgres only; set that, or remove the URL")
	need(s.Driver != Postgres || v.KeysURL.IsSet() || v.KeysPath != "", "vault.keys_url",
		"must say where the data keys are when store.driver is postgres: another database than store.url's. "+
			"If all of the program runs on this machine, vault.keys_path may name a file instead")
	need(!v.KeysURL.IsSet() || v.KeysPath == "", "vault.keys_url", "and vault.keys_path exclude each other; remove one")
	data, dataErr := databaseOf(s.URL)
	keys, keysErr := databaseOf(v.KeysURL)
	if dataErr != nil {
		need(false, "store.url", dataErr.Error())
	}
	if keysErr != nil {
		need(false, "vault.keys_url", keysErr.Error())
	}
	same := data.name != "" && data.name == keys.name && slices.ContainsFunc(data.servers, func(server string) bool {
		return slices.Contains(keys.servers, server)
	})
	need(!same, "vault.keys_url", "must be another database than store.url's: whoever copies that one must not have the keys with it. "+
		"Make a second one, best with a role and backups of its own; see docs/postgresql.md")
}

const databaseForm = "postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full"

// database is what a URL of PostgreSQL names.
type database struct {
	servers []string // host:port, or the directory of a socket and the port
	name    string
}

// databaseOf reads a URL; without one it returns nothing. Its errors quote nothing of the URL.
func databaseOf(s Secret) (database, error) {
	if !s.IsSet() {
		return database{}, nil
	}
	u, err := url.Parse(s.Reveal())
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return database{}, errors.New("must be a URL such as " + databaseForm)
	}
	query := u.Query()
	d := database{name: cmp.Or(query.Get("database"), query.Get("dbname"), strings.TrimPrefix(u.Path, "/"))}
	if d.name == "" || strings.Contains(d.name, "/") {
		return database{}, errors.New("must name the database behind the host, such as " + databaseForm)
	}
	hosts := cmp.Or(query.Get("host"), u.Host)
	if hosts == "" {
		return database{}, errors.New("must name the host, such as " + databaseForm + ", or a socket's directory: postgres:///DATABASE?host=/run/postgresql")
	}
	away := false
	for server := range strings.SplitSeq(hosts, ",") {
		host, port, err := net.SplitHostPort(server)
		if err != nil {
			host, port = strings.Trim(server, "[]"), query.Get("port")
		}
		address := net.JoinHostPort(strings.ToLower(host), cmp.Or(port, "5432"))
		away = away || !strings.HasPrefix(host, "/") && !onlyHere(address)
		d.servers = append(d.servers, address)
	}
	if mode := query.Get("sslmode"); away && !slices.Contains([]string{"verify-full", "verify-ca", "require", "disable"}, mode) {
		return database{}, errors.New("must say sslmode when the server is another machine: without it, whoever is on the way can take the " +
			"encryption off. Add sslmode=verify-full, and sslrootcert=FILE if the system does not know the certificate's issuer; " +
			"sslmode=disable goes in clear on purpose")
	}
	return d, nil
}
