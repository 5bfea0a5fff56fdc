package app

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/config"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/store/sqlstore/sqlstoretest"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

// TestReceiptsAreHints: they are taken at the secret address only, of messages of ours only, and once.
func TestReceiptsAreHints(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := sqlstoretest.Open(t)
	at := time.Date(2020, 11, 27, 10, 0, 0, 0, time.UTC)
	_, _, err := s.PutAccount(ctx, store.PutAccount{Account: policy.Account{ID: "a1", Kind: policy.KindIndividual, Region: "CN", RegisteredAt: at}}, false)
	require.NoError(t, err)
	_, err = s.Append(ctx, lifecycle.Append{AccountID: "a1", ChangeID: "r", Head: lifecycle.AnyHead, Changes: []lifecycle.Change{{
		Event: lifecycle.Remind, At: at, Detail: lifecycle.Detail{Reminder: &lifecycle.Reminder{Milestone: "P7D", Deadline: at.AddDate(0, 0, 7)}},
	}}})
	require.NoError(t, err)
	notice := func() store.Notice {
		all, err := s.NoticesOf(ctx, "a1")
		require.NoError(t, err)
		return all[0]
	}
	id := notice().ID
	sent := store.NoticeOutcome{State: store.NoticeSent, ProviderID: "9006^0"}
	_, err = s.SettleNotices(ctx, []store.NoticeTry{{ID: id, NoticeOutcome: sent}}, at)
	require.NoError(t, err)

	c := config.Default()
	c.Notify.Kind, c.Notify.Aliyun.ReceiptsSecret = config.NotifyAliyun, config.NewSecret("0123456789abcdef")
	a := &App{config: c, store: s}
	h := a.withReceipts(http.NotFoundHandler())
	push := func(path, biz, out string) int {
		w := httptest.NewRecorder()
		body := `[{"success":true,"err_code":"DELIVERED","biz_id":"` + biz + `","out_id":"` + out + `"}]`
		h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, strings.NewReader(body)))
		return w.Code
	}
	const secret = receiptsPath + "0123456789abcdef"
	require.Equal(t, http.StatusNotFound, push(receiptsPath+"0123456789abcdeF", "9006^0", id))
	require.Equal(t, http.StatusNotFound, push(receiptsPath, "9006^0", id))
	require.Equal(t, http.StatusOK, push(secret, "9006^0", "unknown"))
	require.Equal(t, http.StatusOK, push(secret, "9999^0", id))
	require.Equal(t, store.NoticeSent, notice().State)
	require.Equal(t, http.StatusOK, push(secret, "9006^0", id))
	require.Equal(t, []any{store.NoticeDelivered, "DELIVERED", "9006^0"}, []any{notice().State, notice().Code, notice().ProviderID})

	a.config.Notify.Kind = config.NotifyOff
	h = a.withReceipts(http.NotFoundHandler())
	require.Equal(t, http.StatusNotFound, push(secret, "9006^0", id))
}
