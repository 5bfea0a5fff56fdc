package access_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/access"
	"github.com/verigate/verigate/internal/access/oidctest"
	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/store"
)

const returnURL = "https://verigate.example/admin/sign-in/return"

// newProvidedWorld is a world in which people sign in at a provider.
func newProvidedWorld(t *testing.T, change ...func(*access.ProviderConfig)) *world {
	t.Helper()
	w := newWorld(t)
	w.provider = oidctest.New(t, w.clock.now)
	cfg := access.ProviderConfig{
		Issuer: w.provider.Issuer(), ClientID: oidctest.ClientID, ClientSecret: oidctest.ClientSecret, ReturnURL: returnURL, Name: "Example",
		Scopes: []string{"openid", "profile"}, Claim: "groups", Now: w.clock.now, Client: w.provider.Client(),
		Roles: []access.GroupRole{{Group: "admins", Role: api.RoleAdmin}, {Group: "reviewers", Role: api.RoleReviewer}},
	}
	for _, set := range change {
		set(&cfg)
	}
	provider, err := access.NewProvider(cfg)
	require.NoError(t, err)
	w.serve(func(c *access.Config) { c.Provider = provider })
	return w
}

func groups(names ...string) map[string]any {
	return map[string]any{"name": "Anna Berg", "groups": names}
}

// depart begins a sign-in and returns the address at the provider.
func (b *browser) depart(path string) string {
	b.t.Helper()
	got := b.get(path)
	require.Equal(b.t, http.StatusSeeOther, got.Code, got.Body)
	return got.Header().Get("Location")
}

// arrive follows the provider back.
func (b *browser) arrive(address string) *httptest.ResponseRecorder {
	b.t.Helper()
	require.True(b.t, strings.HasPrefix(address, returnURL+"?"), address)
	r := b.request(http.MethodGet, strings.TrimPrefix(address, "https://verigate.example"), nil)
	r.Header.Set("Sec-Fetch-Site", "cross-site") // it comes from the provider's page
	return b.do(r)
}

// through goes there and back.
func (b *browser) through() *httptest.ResponseRecorder {
	b.t.Helper()
	return b.arrive(b.provider.Authorize(b.depart("/admin/sign-in/provider")))
}

func TestSignInAtTheProvider(t *testing.T) {
	t.Parallel()
	w := newProvidedWorld(t)
	w.provider.Claims(groups("others", "reviewers"))
	b := w.browser("192.0.2.1")
	form := b.get("/admin/sign-in?back=/admin/accounts").Body.String()
	require.Contains(t, form, "Sign in with Example")
	require.Contains(t, form, `href="/admin/sign-in/provider?back=%2Fadmin%2Faccounts"`)

	got := b.arrive(w.provider.Authorize(b.depart("/admin/sign-in/provider?back=%2Fadmin%2Faccounts")))
	require.Equal(t, http.StatusSeeOther, got.Code, got.Body)
	require.Equal(t, "/admin/accounts", got.Header().Get("Location"))
	p, err := b.person()
	require.NoError(t, err)
	require.Equal(t, "Anna Berg", p.Name)
	require.Equal(t, api.RoleReviewer, p.Role)
	require.Len(t, b.cookies, 1, "of the way nothing stays")

	o, err := w.store.OperatorByIdentity(t.Context(), w.provider.Issuer(), "subject-1")
	require.NoError(t, err)
	require.Equal(t, p.ID, o.ID)
	require.Empty(t, o.Login+o.Password)

	again := w.browser("192.0.2.2")
	again.through()
	p, err = again.person()
	require.NoError(t, err)
	require.Equal(t, o.ID, p.ID, "the same person")
	b.in(api.RoleReviewer)
}

// TestGroupsDecide: the provider's groups are the role, at every sign-in.
func TestGroupsDecide(t *testing.T) {
	t.Parallel()
	w := newProvidedWorld(t)
	before := w.browser("192.0.2.1")
	w.provider.Claims(groups("reviewers", "admins"))
	before.through()
	before.in(api.RoleAdmin) // the first line that fits counts

	w.provider.Claims(groups("reviewers"))
	b := w.browser("192.0.2.2")
	b.through()
	b.in(api.RoleReviewer)
	before.out()

	for _, none := range []map[string]any{
		groups("others"), groups(), {"name": "Anna"}, {"groups": map[string]any{"reviewers": true}}, {"groups": []any{1, nil}}, groups("Reviewers"),
	} {
		w.provider.Claims(none)
		w.clock.advance(time.Hour) // who is turned away has to wait longer each time
		got := w.browser("192.0.2.3").through()
		require.Equal(t, http.StatusForbidden, got.Code)
		require.Contains(t, got.Body.String(), "gives you no role")
	}
	b.out()
	w.provider.Claims(groups("reviewers"))
	b.through()
	b.in(api.RoleReviewer)
}

func TestSomebodyWithoutARoleIsNotAdded(t *testing.T) {
	t.Parallel()
	w := newProvidedWorld(t)
	w.provider.Claims(groups("others"))
	b := w.browser("192.0.2.1")
	require.Equal(t, http.StatusForbidden, b.through().Code)
	b.out()
	_, err := w.store.OperatorByIdentity(t.Context(), w.provider.Issuer(), "subject-1")
	require.ErrorIs(t, err, store.ErrNotFound)
}

func TestClaimsThatLieDeeper(t *testing.T) {
	t.Parallel()
	for claim, claims := range map[string]map[string]any{
		"realm_access.roles":         {"realm_access": map[string]any{"roles": []string{"x", "admins"}}},
		"https://example.com/groups": {"https://example.com/groups": []string{"admins"}},
		"role":                       {"role": "admins"},
	} {
		w := newProvidedWorld(t, func(c *access.ProviderConfig) { c.Claim = claim })
		w.provider.Claims(claims)
		b := w.browser("192.0.2.1")
		b.through()
		b.in(api.RoleAdmin)
	}
}

// TestEveryMisbehaviour of the provider lets nobody in.
func TestEveryMisbehaviour(t *testing.T) {
	t.Parallel()
	w := newProvidedWorld(t)
	w.provider.Claims(groups("reviewers"))
	for _, m := range oidctest.All() {
		w.provider.Misbehave(m)
		w.clock.advance(time.Hour) // who is turned away has to wait longer each time
		b := w.browser("192.0.2.1")
		got := b.through()
		require.Equal(t, http.StatusForbidden, got.Code, m)
		require.Empty(t, b.cookies, m)
		b.out()
	}
	_, err := w.store.OperatorByIdentity(t.Context(), w.provider.Issuer(), "subject-1")
	require.ErrorIs(t, err, store.ErrNotFound)
	w.provider.Misbehave(oidctest.None)
	b := w.browser("192.0.2.1")
	b.through()
	b.in(api.RoleReviewer)
}

// TestAnAnswerIsGoodOnce, in the browser that asked, for ten minutes.
func TestAnAnswerIsGoodOnce(t *testing.T) {
	t.Parallel()
	w := newProvidedWorld(t)
	w.provider.Claims(groups("reviewers"))
	b, stranger := w.browser("192.0.2.1"), w.browser("192.0.2.9")
	back := w.provider.Authorize(b.depart("/admin/sign-in/provider"))
	way := b.cookies["__Host-verigate_admin_way"]

	require.Contains(t, stranger.arrive(back).Body.String(), "begun in another browser")
	stranger.depart("/admin/sign-in/provider")
	require.Equal(t, http.StatusUnprocessableEntity, stranger.arrive(back).Code, "with a way of its own neither")
	stranger.out()

	require.Equal(t, http.StatusSeeOther, b.arrive(back).Code)
	require.Equal(t, http.StatusUnprocessableEntity, b.arrive(back).Code, "the way is used up")
	b.cookies["__Host-verigate_admin_way"] = way
	require.Equal(t, http.StatusForbidden, b.arrive(back).Code, "the code is too")

	late := w.browser("192.0.2.1")
	back = w.provider.Authorize(late.depart("/admin/sign-in/provider"))
	w.clock.advance(10 * time.Minute)
	require.Equal(t, http.StatusUnprocessableEntity, late.arrive(back).Code)
	late.out()

	for _, cookie := range []string{"", "x", "e30"} {
		c := w.browser("192.0.2.1")
		c.cookies["__Host-verigate_admin_way"] = cookie
		require.Equal(t, http.StatusUnprocessableEntity, c.arrive(returnURL+"?code=c&state=").Code)
	}
}

// TestTheVerifierIsNeeded: a code that somebody caught is worth nothing without it.
func TestTheVerifierIsNeeded(t *testing.T) {
	t.Parallel()
	w := newProvidedWorld(t)
	w.provider.Claims(groups("reviewers"))
	victim, thief := w.browser("192.0.2.1"), w.browser("192.0.2.9")
	caught, err := url.Parse(w.provider.Authorize(victim.depart("/admin/sign-in/provider")))
	require.NoError(t, err)
	own, err := url.Parse(thief.depart("/admin/sign-in/provider"))
	require.NoError(t, err)
	q := url.Values{"code": {caught.Query().Get("code")}, "state": {own.Query().Get("state")}}
	require.Equal(t, http.StatusForbidden, thief.arrive(returnURL+"?"+q.Encode()).Code)
	thief.out()
}

func TestThePersonTurnsBack(t *testing.T) {
	t.Parallel()
	w := newProvidedWorld(t)
	b := w.browser("192.0.2.1")
	u, err := url.Parse(b.depart("/admin/sign-in/provider"))
	require.NoError(t, err)
	got := b.arrive(returnURL + "?" + url.Values{"error": {"access_denied"}, "error_description": {"<script>"}, "state": {u.Query().Get("state")}}.Encode())
	require.Equal(t, http.StatusForbidden, got.Code)
	require.NotContains(t, got.Body.String(), "<script>")
	b.out()
}

// TestTheProviderIsAway: people with passwords get in, and it is asked again later.
func TestTheProviderIsAway(t *testing.T) {
	t.Parallel()
	w := newProvidedWorld(t)
	w.add("boss", api.RoleAdmin)
	w.provider.Down(true)
	w.provider.Claims(groups("reviewers"))
	b := w.browser("192.0.2.1")
	require.Equal(t, http.StatusServiceUnavailable, b.get("/admin/sign-in/provider").Code)
	require.Equal(t, http.StatusSeeOther, b.signIn("boss", right).Code)
	w.provider.Down(false)
	b = w.browser("192.0.2.1")
	back := w.provider.Authorize(b.depart("/admin/sign-in/provider"))
	w.provider.Down(true)
	require.Equal(t, http.StatusServiceUnavailable, b.arrive(back).Code)
	b.out()
	w.provider.Down(false)
	b.through()
	b.in(api.RoleReviewer)
}

func TestTheProviderKeepsThePassword(t *testing.T) {
	t.Parallel()
	w := newProvidedWorld(t)
	w.provider.Claims(groups("reviewers"))
	b := w.browser("192.0.2.1")
	b.through()
	got := b.post("/admin/password", "current", "", "new", right, "again", right)
	require.Contains(t, got.Body.String(), "change your password there")
	b.in(api.RoleReviewer)
}

// TestDisabledHere is out, whatever the provider says.
func TestDisabledHere(t *testing.T) {
	t.Parallel()
	w := newProvidedWorld(t)
	w.provider.Claims(groups("admins"))
	b := w.browser("192.0.2.1")
	b.through()
	p, err := b.person()
	require.NoError(t, err)
	yes := true
	w.change(store.Operator{ID: p.ID}, store.OperatorChange{Disabled: &yes, ByProvider: true})
	b.out()
	require.Equal(t, http.StatusForbidden, b.through().Code)
	b.out()
}

// TestTheFirstSignInTwice: two browsers of a person who was never here.
func TestTheFirstSignInTwice(t *testing.T) {
	t.Parallel()
	w := newProvidedWorld(t)
	w.provider.Claims(groups("reviewers"))
	var all sync.WaitGroup
	codes := make([]int, 4)
	for i := range codes {
		b := w.browser("192.0.2.1")
		back := w.provider.Authorize(b.depart("/admin/sign-in/provider"))
		all.Go(func() { codes[i] = b.arrive(back).Code })
	}
	all.Wait()
	require.Equal(t, []int{303, 303, 303, 303}, codes)
	everybody, err := w.store.Operators(t.Context(), "", 10)
	require.NoError(t, err)
	require.Len(t, everybody, 1)
}

// TestNamesAreTheirs: what the provider does not vouch for is not shown, and nothing breaks a page.
func TestNamesAreTheirs(t *testing.T) {
	t.Parallel()
	w := newProvidedWorld(t)
	for want, claims := range map[string]map[string]any{
		"Anna Berg":             {"name": " Anna\n\tBerg\u0000"},
		"anna":                  {"preferred_username": "anna", "email": "a@example.com", "email_verified": true},
		"a@example.com":         {"email": "a@example.com", "email_verified": true},
		"subject-1":             {"email": "boss@example.com", "email_verified": false},
		strings.Repeat("长", 64): {"name": strings.Repeat("长", 100)},
	} {
		claims["groups"] = "reviewers"
		w.provider.Claims(claims)
		b := w.browser("192.0.2.1")
		b.through()
		p, err := b.person()
		require.NoError(t, err)
		require.Equal(t, want, p.Name)
	}
}

// TestReturnsAreSlowedDown: anybody can make a cookie and come back with it, and each time stands in the audit log.
func TestReturnsAreSlowedDown(t *testing.T) {
	t.Parallel()
	w := newProvidedWorld(t)
	w.provider.Claims(groups("others"))
	codes := map[int]int{}
	for range 50 {
		codes[w.browser("192.0.2.1").through().Code]++
	}
	require.Less(t, codes[http.StatusForbidden], 10)
	require.Greater(t, codes[http.StatusTooManyRequests], 40)
	w.provider.Claims(groups("reviewers"))
	other := w.browser("192.0.2.2")
	other.through()
	other.in(api.RoleReviewer) // from elsewhere nobody has to wait
}
