package access_test

import (
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/api"
)

// guess tries wrong passwords and returns how many were compared.
func guess(b *browser, login string, times int) (compared int) {
	b.t.Helper()
	for range times {
		if b.signIn(login, "wrong").Code == http.StatusUnprocessableEntity {
			compared++
		}
	}
	return compared
}

func TestGuessingIsSlowedDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("anna", api.RoleViewer)
	b := w.browser("192.0.2.1")
	require.Equal(t, 5, guess(b, "anna", 9))
	var waits []int
	for range 12 {
		got := b.signIn("anna", right)
		require.Equal(t, http.StatusTooManyRequests, got.Code, "the right password waits too: else the wait would tell")
		seconds, err := strconv.Atoi(got.Header().Get("Retry-After"))
		require.NoError(t, err)
		require.Contains(t, got.Body.String(), fmt.Sprintf("Try again in %d s", seconds))
		waits = append(waits, seconds)
		w.clock.advance(time.Duration(seconds) * time.Second)
		require.Equal(t, 1, guess(b, "anna", 1))
	}
	require.Equal(t, []int{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900}, waits)

	w.clock.advance(15 * time.Minute)
	require.Equal(t, http.StatusSeeOther, b.signIn("anna", right).Code)
	require.Equal(t, 3, guess(b, "anna", 9), "a success ends the streak of this name from there, not that of the address")
	w.clock.advance(time.Hour)
	require.Equal(t, 5, guess(w.browser("192.0.2.1"), "anna", 9), "an hour without an attempt does too")
}

// TestManyAtOnceCountAsMany: attempts are counted from their beginning.
func TestManyAtOnceCountAsMany(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("anna", api.RoleViewer)
	codes := make(chan int, 30)
	for range cap(codes) {
		b := w.browser("192.0.2.1")
		go func() { codes <- b.signIn("anna", "wrong").Code }()
	}
	compared := 0
	for range cap(codes) {
		if <-codes == http.StatusUnprocessableEntity {
			compared++
		}
	}
	require.Equal(t, 5, compared)
}

// TestOneAddressManyNames: trying one password on many names is slowed down, and an account of one's own is no way
// around it.
func TestOneAddressManyNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("mallory", api.RoleViewer)
	compared := 0
	for i := range 60 {
		compared += guess(w.browser("192.0.2.1"), "name"+strconv.Itoa(i), 1)
		w.browser("192.0.2.1").signIn("mallory", right)
	}
	require.Equal(t, 20, compared)
	require.Equal(t, 1, guess(w.browser("192.0.2.2"), "name1", 1), "another address does not wait")
	require.Equal(t, 1, guess(w.browser("2001:db8::1"), "name1", 1))
}

// TestIPv6IsCountedBySubscriber: one has more addresses than one could count.
func TestIPv6IsCountedBySubscriber(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	compared := 0
	for i := range 20 {
		compared += guess(w.browser(fmt.Sprintf("[2001:db8::%x]", i+1)), "anna", 1)
	}
	require.Equal(t, 5, compared)
}

// TestNoStrangerLocksOut: an attack on a name from everywhere delays the person from new places by a minute at most,
// and from where they signed in of late not at all, also after a restart.
func TestNoStrangerLocksOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("anna", api.RoleViewer)
	w.browser("192.0.2.1").signIn("anna", right)
	attack := func() (compared int) {
		for i := range 60 {
			compared += guess(w.browser(fmt.Sprintf("198.51.100.%d", i)), "anna", 1)
		}
		return compared
	}
	require.Equal(t, 20, attack())
	require.Equal(t, http.StatusSeeOther, w.browser("192.0.2.1").signIn("anna", right).Code)
	require.Equal(t, http.StatusTooManyRequests, w.browser("203.0.113.5").signIn("anna", right).Code)
	for range 12 {
		w.clock.advance(time.Minute)
		require.Equal(t, 1, attack())
	}
	require.Equal(t, http.StatusSeeOther, w.browser("192.0.2.1").signIn("anna", right).Code)
	require.Equal(t, http.StatusTooManyRequests, w.browser("203.0.113.5").signIn("anna", right).Code)
	w.clock.advance(time.Minute)
	require.Equal(t, http.StatusSeeOther, w.browser("203.0.113.5").signIn("anna", right).Code, "a minute is the most that anybody waits")
	w.serve()
	attack()
	require.Equal(t, http.StatusSeeOther, w.browser("192.0.2.1").signIn("anna", right).Code)
}
