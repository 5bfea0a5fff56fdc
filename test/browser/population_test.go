package browser

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// population is how many accounts the pages are shown with: many for pictures, few for tests.
func population() int {
	if *screenshots != "" {
		return 10_000
	}
	return 60
}

func beijing(t testing.TB) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Asia/Shanghai")
	require.NoError(t, err)
	return zone
}

// populate registers accounts as a platform has them: most individuals of the mainland, many verified before, some with
// an approved real name; then a few of them go on, so that every state occurs. The same accounts every time.
func (s *stage) populate(t testing.TB, n int) {
	t.Helper()
	chance := rand.New(rand.NewPCG(2020, 12))
	var lines bytes.Buffer
	for i := range n {
		line := map[string]any{
			"account_id": fmt.Sprintf("shop-%05d", 10_000+i), "kind": "individual", "region": "CN",
			"registered_at": time.Date(2019, 1, 1, 9, 0, 0, 0, beijing(t)).Add(time.Duration(chance.IntN(24*800)) * time.Hour).Format(time.RFC3339),
		}
		switch p := chance.IntN(100); {
		case p < 12:
			line["kind"] = "enterprise"
		case p < 18:
			line["region"] = "US"
		case p < 60:
			line["verified"] = map[string]string{"at": "2020-10-05T10:00:00+08:00", "method": "counter", "evidence": fmt.Sprintf("box/%d", i)}
		case p < 72:
			line["real_name"] = map[string]string{"at": "2020-10-05T10:00:00+08:00", "evidence": fmt.Sprintf("scan/%d", i)}
		}
		require.NoError(t, json.NewEncoder(&lines).Encode(line))
	}
	s.importLines(t, &lines)
	s.everyState(t)
}

func (s *stage) importLines(t testing.TB, lines *bytes.Buffer) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.API+"/v1/accounts:import", lines)
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/x-ndjson")
	r.Header.Set("Authorization", "Bearer "+s.APIKey)
	res, err := s.http.Do(r)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	require.Equal(t, http.StatusOK, res.StatusCode)
	answers := bufio.NewScanner(res.Body)
	for answers.Scan() {
		require.NotContains(t, answers.Text(), `"error"`)
	}
	require.NoError(t, answers.Err())
}

// everyState has accounts in the states that only a way through the product leads to.
func (s *stage) everyState(t testing.TB) {
	t.Helper()
	named := func(id string) *account {
		a := &account{t, s.demo, id}
		s.call(t, http.MethodPut, a.path(""), s.APIKey, map[string]string{
			"kind": "individual", "region": "CN", "registered_at": "2020-11-01T09:00:00+08:00",
		}, http.StatusCreated, nil)
		return a
	}
	for i := range 6 {
		id := anyID
		if i > 0 {
			id = fmt.Sprintf("%s-%d", anyID, i)
		}
		a := named(id)
		a.command("submit", map[string]any{
			"name": person, "document": map[string]string{"type": "cn_id", "number": minor(i)}, "risk_notice_version": "2020-11",
		})
		a.await("under_review")
	}
	s.call(t, http.MethodPost, s.API+"/v1/reviews/"+anyID+"-5", s.ReviewerKey, map[string]string{"decision": "reject", "reason_code": "name_id_mismatch"}, http.StatusOK, nil)
	agreed := map[string]any{"consent": map[string]any{"text_version": "face-2026-12", "language": "zh-CN", "agreed": true}, "provide": map[string]any{"text_version": "provide-2026-12", "agreed": true}}
	named("shop-qr").approved().command("start-face", agreed)
	named("shop-manual").approved().command("choose-manual", map[string]string{"reason": "no_phone"})
	failed := named("shop-failed").approved()
	shown := failed.command("start-face", agreed)
	p := s.scan(t, shown.QR.URL, "zh-CN")
	p.agree()
	p.finish("fail")
	failed.await("face_failed")
}

// minor is a valid number of somebody of seventeen, whose case a person has to decide.
func minor(n int) string {
	born := time.Now().AddDate(-17, 0, -30-n)
	return withCheckDigit("110101" + born.Format("20060102") + fmt.Sprintf("%03d", 121+2*n))
}
