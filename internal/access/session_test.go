package access_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/access"
	"github.com/verigate/verigate/internal/access/password"
	"github.com/verigate/verigate/internal/admin"
	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/store"
)

func TestSignInAndOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	anna := w.add("anna", api.RoleReviewer)
	b := w.browser("192.0.2.1")
	b.out()
	got := b.signIn(" Anna ", right)
	require.Equal(t, http.StatusSeeOther, got.Code, got.Body)
	require.Equal(t, "/admin/", got.Header().Get("Location"))
	p, err := b.person()
	require.NoError(t, err)
	require.Equal(t, admin.Person{ID: anna.ID, Name: "Name of anna", Role: api.RoleReviewer}, p)
	require.Equal(t, http.StatusSeeOther, b.get("/admin/sign-in").Code, "whoever is in needs no form")
	known, err := w.store.Operator(t.Context(), anna.ID)
	require.NoError(t, err)
	require.True(t, known.SignedInAt.Equal(w.clock.now()))

	stolen := b.cookies[cookieName]
	require.NotEmpty(t, stolen)
	got = b.post("/admin/sign-out")
	require.Equal(t, "/admin/sign-in?left", got.Header().Get("Location"))
	require.Contains(t, b.get("/admin/sign-in?left").Body.String(), "You are signed out")
	require.NotContains(t, b.cookies, cookieName)
	b.out()
	b.cookies[cookieName] = stolen
	b.out() // a secret that was kept is good for nothing any more

	require.Equal(t, []string{"sign_in ok " + anna.ID + " operator/" + anna.ID, "sign_out ok " + anna.ID + " operator/" + anna.ID}, w.audit.said())
}

// TestOneAnswerForEveryCause: the page says the same, whatever is wrong.
func TestOneAnswerForEveryCause(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("anna", api.RoleViewer)
	gone := w.add("gone", api.RoleViewer)
	yes := true
	w.change(gone, store.OperatorChange{Disabled: &yes})
	require.NoError(t, w.store.AddOperator(t.Context(), store.Operator{
		ID: "op_elsewhere", Name: "E", Role: "viewer", Issuer: "https://i.example", Subject: "s", CreatedAt: w.clock.now(),
	}))
	pages := map[string]bool{}
	for _, tc := range [][2]string{{"anna", "wrong"}, {"nobody", right}, {"gone", right}, {"op_elsewhere", ""}, {"", right}, {"anna", ""}} {
		b := w.browser("192.0.2.1")
		got := b.signIn(tc[0], tc[1])
		require.Equal(t, http.StatusUnprocessableEntity, got.Code)
		require.Empty(t, b.cookies)
		body := got.Body.String()
		require.NotContains(t, body, right)
		pages[strings.Replace(strings.ReplaceAll(body, `value="`+tc[0]+`"`, ""), " autofocus", "", 1)] = tc[0] != ""
	}
	same := 0
	for _, named := range pages {
		if named {
			same++
		}
	}
	require.Equal(t, 1, same)
	for _, said := range w.audit.said() {
		require.True(t, strings.HasPrefix(said, "sign_in_failed refused  "), "nobody is called by a name that was typed: %s", said)
	}
}

// counting counts comparisons.
type counting struct {
	*password.Hasher
	hashes []string
}

func (c *counting) Verify(ctx context.Context, hash, given string) (fits, stale bool, err error) {
	c.hashes = append(c.hashes, hash)
	return c.Hasher.Verify(ctx, hash, given)
}

// TestUnknownNamesTakeTheSameWork: one comparison for every attempt, for unknown names with the empty hash, which costs
// what any other does (see package password).
func TestUnknownNamesTakeTheSameWork(t *testing.T) {
	t.Parallel()
	work := &counting{Hasher: password.NewHasher(cheap())}
	w := newWorld(t, func(c *access.Config) { c.Hasher = work })
	anna := w.add("anna", api.RoleViewer)
	gone := w.add("gone", api.RoleViewer)
	yes := true
	w.change(gone, store.OperatorChange{Disabled: &yes})
	for _, login := range []string{"anna", "nobody", "gone"} {
		w.browser("192.0.2.1").signIn(login, "wrong")
	}
	require.Equal(t, []string{anna.Password, "", gone.Password}, work.hashes)
}

func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("anna", api.RoleViewer)

	t.Run("idle", func(t *testing.T) {
		b := w.browser("192.0.2.1")
		b.signIn("anna", right)
		w.clock.advance(idle - time.Nanosecond)
		b.in(api.RoleViewer)
		w.clock.advance(idle - time.Nanosecond)
		b.in(api.RoleViewer) // each act prolongs it
		w.clock.advance(idle)
		b.out()
	})
	t.Run("pages that ask alone do not prolong it", func(t *testing.T) {
		b := w.browser("192.0.2.1")
		b.signIn("anna", right)
		w.clock.advance(idle - time.Minute)
		_, err := b.service.Person(t.Context(), b.request(http.MethodGet, "/admin/", nil), true)
		require.NoError(t, err)
		w.clock.advance(time.Minute)
		b.out()
	})
	t.Run("whatever the person does", func(t *testing.T) {
		b := w.browser("192.0.2.1")
		b.signIn("anna", right)
		begun := w.clock.now()
		for w.clock.now().Sub(begun) < life-20*time.Minute {
			w.clock.advance(20 * time.Minute)
			b.in(api.RoleViewer)
		}
		w.clock.advance(20 * time.Minute)
		b.out()
	})
	t.Run("a shorter life counts for sessions that are open", func(t *testing.T) {
		b := w.browser("192.0.2.1")
		b.signIn("anna", right)
		w.serve(func(c *access.Config) { c.Life = 10 * time.Minute })
		w.clock.advance(10 * time.Minute)
		b.out()
		w.serve()
	})
}

func TestChangesCountAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("boss", api.RoleAdmin)
	yes, no := true, false
	role, hash := string(api.RoleAuditor), ""
	var err error
	hash, err = w.hasher.Hash(t.Context(), "another password entirely")
	require.NoError(t, err)
	name := "Anna B."
	for what, c := range map[string]store.OperatorChange{"disabled": {Disabled: &yes}, "role": {Role: &role}, "password": {Password: &hash}} {
		o := w.add(what, api.RoleViewer)
		b, other := w.browser("192.0.2.1"), w.browser("192.0.2.2")
		b.signIn(what, right)
		other.signIn(what, right)
		w.change(o, store.OperatorChange{Name: &name})
		b.in(api.RoleViewer) // a name ends nothing
		w.change(o, c)
		b.out()
		other.out()
		w.change(o, store.OperatorChange{Disabled: &no})
		b.out() // and what ended stays ended
	}
	b := w.browser("192.0.2.1")
	require.Equal(t, http.StatusSeeOther, b.signIn("role", right).Code)
	b.in(api.RoleAuditor)
	require.Equal(t, http.StatusUnprocessableEntity, w.browser("192.0.2.1").signIn("password", right).Code)
	require.Equal(t, http.StatusSeeOther, w.browser("192.0.2.1").signIn("password", "another password entirely").Code)
}

// TestNoFixation: whatever cookie somebody planted, the session gets a secret of its own, and an older one ends.
func TestNoFixation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("anna", api.RoleViewer)
	w.add("mallory", api.RoleViewer)
	b, mallory := w.browser("192.0.2.1"), w.browser("192.0.2.9")
	b.cookies[cookieName] = "planted"
	b.signIn("anna", right)
	require.NotEqual(t, "planted", b.cookies[cookieName])

	mallory.signIn("mallory", right)
	planted := mallory.cookies[cookieName]
	b.cookies[cookieName] = planted
	b.signIn("anna", right)
	require.NotEqual(t, planted, b.cookies[cookieName])
	p, err := b.person()
	require.NoError(t, err)
	require.Equal(t, "Name of anna", p.Name)
	mallory.out()
}

func TestOtherSitesSendNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("anna", api.RoleViewer)
	b := w.browser("192.0.2.1")
	r := b.request(http.MethodPost, "/admin/sign-in", map[string][]string{"username": {"anna"}, "password": {right}})
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	require.Equal(t, http.StatusForbidden, b.do(r).Code)
	require.Empty(t, b.cookies, "nobody is signed in to an account that another site chose")
	b.signIn("anna", right)
	r = b.request(http.MethodPost, "/admin/sign-out", nil)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	require.Equal(t, http.StatusForbidden, b.do(r).Code)
	b.in(api.RoleViewer)
	require.Equal(t, http.StatusNotFound, b.get("/admin/sign-out").Code, "a picture or a link cannot sign anybody out")
	b.in(api.RoleViewer)
}

// TestTheWayBackStaysHere: after the sign-in one gets to the page asked for, and to no other site.
func TestTheWayBackStaysHere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("anna", api.RoleViewer)
	for given, want := range map[string]string{
		"/admin/accounts?state=verified": "/admin/accounts?state=verified", "": "/admin/", "//evil.example": "/admin/",
		"https://evil.example/admin/": "/admin/", `/admin/\evil`: "/admin/", "/v1/accounts": "/admin/", "/admin/../m": "/admin/",
		"/admin/sign-in": "/admin/", "/admin/sign-out": "/admin/",
	} {
		got := w.browser("192.0.2.1").post("/admin/sign-in", "username", "anna", "password", right, "back", given)
		require.Equal(t, want, got.Header().Get("Location"), given)
	}
	b := w.browser("192.0.2.1")
	location := b.get("/admin/accounts?state=verified").Header().Get("Location")
	if location != "" { // once there is such a page
		require.Contains(t, b.get(location).Body.String(), `name="back" value="/admin/accounts?state=verified"`)
	}
	require.Contains(t, b.get("/admin/sign-in?back=/admin/x").Body.String(), `name="back" value="/admin/x"`)
}

// TestOldHashesAreMadeAnew: parameters grow over the years; whoever signs in gets a hash of today's.
func TestOldHashesAreMadeAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.add("anna", api.RoleViewer)
	before := w.browser("192.0.2.1")
	before.signIn("anna", right)
	w.serve(func(c *access.Config) {
		c.Hasher = password.NewHasher(password.Parameters{Memory: 128, Passes: 2, Threads: 1})
	})
	w.browser("192.0.2.1").signIn("anna", "wrong")
	kept, err := w.store.Operator(t.Context(), o.ID)
	require.NoError(t, err)
	require.Equal(t, o.Password, kept.Password)

	b := w.browser("192.0.2.1")
	require.Equal(t, http.StatusSeeOther, b.signIn("anna", right).Code)
	b.in(api.RoleViewer)
	before.in(api.RoleViewer) // it is the same password: nothing ends
	kept, err = w.store.Operator(t.Context(), o.ID)
	require.NoError(t, err)
	require.Contains(t, kept.Password, "$m=128,t=2,p=1$")
	require.Equal(t, http.StatusSeeOther, w.browser("192.0.2.1").signIn("anna", right).Code)
}

func TestPasswordsCanBeTurnedOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *access.Config) { c.Passwords = false })
	w.add("anna", api.RoleViewer)
	b := w.browser("192.0.2.1")
	require.NotContains(t, b.get("/admin/sign-in").Body.String(), "password")
	require.Equal(t, http.StatusUnprocessableEntity, b.signIn("anna", right).Code)
	b.out()
}

// TestHalfAServiceIsRefused: what is missing is named.
func TestHalfAServiceIsRefused(t *testing.T) {
	t.Parallel()
	_, err := access.New(access.Config{})
	require.ErrorContains(t, err, "is required")
	_, err = access.NewProvider(access.ProviderConfig{})
	require.ErrorContains(t, err, "is required")
}
