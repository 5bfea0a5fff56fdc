package aliyunsms

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
)

// Report is what the service pushes about the arrival of a message. It is not signed, so it is a hint: nothing may
// hang on it.
type Report struct {
	NoticeID   string // ours
	ProviderID string
	Delivered  bool
	Code       string
}

const maxReport = 1 << 20

// Receipts takes the service's pushes. An error of take has the service push again: after 1, 5 and 10 minutes.
func Receipts(take func(ctx context.Context, r Report) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		var reports []struct {
			Success bool   `json:"success"`
			Code    string `json:"err_code"`
			BizID   string `json:"biz_id"`
			OutID   string `json:"out_id"`
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxReport))
		if err != nil || json.Unmarshal(body, &reports) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		for _, report := range reports {
			if !codePattern.MatchString(report.Code) {
				report.Code = ""
			}
			if take(r.Context(), Report{report.OutID, report.BizID, report.Success, report.Code}) != nil {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"code":0,"msg":"接收成功"}`)
	})
}
