package bench

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// stride visits accounts in an order that no cache expects.
const stride = 7919

// gateRows asks about accounts all over the population. A bare handler of the same server reads the account's row by
// its primary key and writes an answer that never changes.
func (c Config) gateRows(ctx context.Context, accounts int) (_ []Row, err error) {
	r, err := c.newRig(ctx, fmt.Sprint("gate-", accounts), bareHandler)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.close(ctx)) }()
	c.Say("registering %d accounts", accounts)
	if err := errors.Join(r.populate(ctx, accounts), r.db.settle(ctx)); err != nil {
		return nil, err
	}
	requests, asked := c.requests(), 0
	ask := func(path, want string, at func() time.Time) func(context.Context) (sample, error) {
		return func(ctx context.Context) (sample, error) {
			now := at()
			r.now.Store(&now)
			from := asked
			asked += requests
			return c.share(ctx, requests, func(client *http.Client, n int) error {
				return r.ask(ctx, client, oneQuestion, fmt.Sprintf(path, accountID((from+n)*stride%accounts)), want)
			})
		}
	}
	first := min(requests, accounts/c.Rounds) // each account is blocked for the first time once
	blocked := 0
	block := func(ctx context.Context) (sample, error) {
		now := enforced()
		r.now.Store(&now)
		from := blocked
		blocked += first
		return c.share(ctx, first, func(client *http.Client, n int) error {
			return r.ask(ctx, client, oneQuestion, "/v1/accounts/"+accountID(from+n)+"/decisions", `"effect":"block"`)
		})
	}
	baseline := side{"bare", ask("/bare/%s", `"effect":"allow"`, announced)}
	batch := func(ctx context.Context) (sample, error) {
		now := announced()
		r.now.Store(&now)
		size, batches := min(accounts, 1000), max(c.Clients, requests/1000)
		s, err := c.share(ctx, batches, func(client *http.Client, n int) error {
			ids := make([]string, size)
			for i := range ids {
				ids[i] = accountID((n*size + i) * stride % accounts)
			}
			body, err := json.Marshal(map[string]any{"action": "create_label", "account_ids": ids})
			if err != nil {
				return err
			}
			return r.ask(ctx, client, string(body), "/v1/decisions:batch", `"effect":"allow"`)
		})
		s.operations *= size
		return s, err
	}
	what := fmt.Sprintf("gate, %d accounts, %d clients", accounts, c.Clients)
	return c.compare(ctx, what, "/s", baseline,
		side{"allowed", ask("/v1/accounts/%s/decisions", `"effect":"allow"`, announced)}, side{"first block", block},
		side{fmt.Sprintf("batches of %d, each account", min(accounts, 1000)), batch})
}

// share has clients share n requests.
func (c Config) share(ctx context.Context, n int, do func(client *http.Client, n int) error) (sample, error) {
	s := sample{operations: n, each: make([]time.Duration, n), allocs: -1}
	group, _ := errgroup.WithContext(ctx)
	begun := c.Now()
	for worker := range c.Clients {
		group.Go(func() error {
			transport := &http.Transport{MaxIdleConnsPerHost: 1}
			defer transport.CloseIdleConnections()
			client := &http.Client{Transport: transport}
			for i := worker; i < n; i += c.Clients {
				asked := c.Now()
				if err := do(client, i); err != nil {
					return err
				}
				s.each[i] = c.Now().Sub(asked)
			}
			return nil
		})
	}
	err := group.Wait()
	s.took = c.Now().Sub(begun)
	return s, err
}

const oneQuestion = `{"action":"create_label"}`

// ask sends a question; another answer than the one wanted is an error, or the wrong thing would be measured.
func (r *rig) ask(ctx context.Context, client *http.Client, body, path, want string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+r.key)
	req.Header.Set("Content-Type", "application/json")
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	answer, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if err == nil && !strings.Contains(string(answer), want) {
		err = fmt.Errorf("the answer (%d) lacks %s", res.StatusCode, want)
	}
	return err
}

// bareHandler reads the row of an account and writes an answer of the length that a decision has.
func bareHandler(r *rig) http.Handler {
	fixed := []byte(`{"account_id":"account-0000000","effect":"allow","message":"` + strings.Repeat("x", 1000) + `"}`)
	r.db.SetMaxIdleConns(8)
	stmt, err := r.db.PrepareContext(context.Background(), `SELECT kind, region, registered_at, closed_at, state, since, turn_since, verified_at FROM accounts WHERE account_id = ?`)
	if err != nil {
		return http.NotFoundHandler() // its answers are not the ones wanted
	}
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		var kind, region, state string
		var registered int64
		var closed, since, turn, verified sql.NullInt64
		row := stmt.QueryRowContext(req.Context(), strings.TrimPrefix(req.URL.Path, "/bare/"))
		if err := row.Scan(&kind, &region, &registered, &closed, &state, &since, &turn, &verified); err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(fixed)
	})
}
