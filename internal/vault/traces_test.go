package vault_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/store/sqlstore/sqlstoretest"
	"github.com/verigate/verigate/internal/vault"
	"github.com/verigate/verigate/internal/vault/vaulttest"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

// forms returns the ways in which a text may hide in a file. Base64 depends on where in a triple the text begins.
func forms(text string) map[string][]byte {
	all := map[string][]byte{
		"raw": []byte(text),
		"hex": []byte(hex.EncodeToString([]byte(text))), "HEX": []byte(strings.ToUpper(hex.EncodeToString([]byte(text)))),
		"URL": []byte(url.QueryEscape(text)),
	}
	escaped, _ := json.Marshal(text)
	all["JSON"] = bytes.Trim(escaped, `"`)
	var ascii strings.Builder
	var wide []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		if unit < 0x80 {
			ascii.WriteByte(byte(unit))
		} else {
			fmt.Fprintf(&ascii, `\u%04x`, unit)
		}
		wide = binary.LittleEndian.AppendUint16(wide, unit)
	}
	all["JSON in ASCII"], all["UTF-16"] = []byte(ascii.String()), wide
	for shift := range 3 {
		for name, encoding := range map[string]*base64.Encoding{"base64": base64.RawStdEncoding, "base64url": base64.RawURLEncoding} {
			coded := encoding.EncodeToString(append(make([]byte, shift), text...))
			// What the neighbours share a letter with is cut off.
			all[name+strconv.Itoa(shift)] = []byte(coded[(shift*8+5)/6 : len(coded)-1])
		}
	}
	return all
}

// scan counts the occurrences of a text, in any form, in the files of a folder.
func scan(t *testing.T, dir, text string) map[string]int {
	t.Helper()
	found := map[string]int{}
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, f := range files {
		content, err := os.ReadFile(filepath.Join(dir, f.Name()))
		require.NoError(t, err)
		for form, bytesOf := range forms(text) {
			if n := bytes.Count(content, bytesOf); n > 0 {
				found[f.Name()+" "+form] += n
			}
		}
	}
	return found
}

func TestScanFindsEveryForm(t *testing.T) {
	t.Parallel()
	for form, bytesOf := range forms(canaryName) {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "f"), append([]byte("..."), bytesOf...), 0o600))
		require.NotEmpty(t, scan(t, dir, canaryName), form)
	}
	dir := t.TempDir()
	inside := base64.StdEncoding.EncodeToString([]byte(`{"name":"` + canaryName + `","x":1}`))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "f"), []byte(inside), 0o600))
	require.NotEmpty(t, scan(t, dir, canaryName), "in the middle of something encoded")
}

// TestNoPlaintextInFiles: the database holds canaries only sealed, in the file and in the write-ahead log, also when
// appends refer to them.
func TestNoPlaintextInFiles(t *testing.T) {
	t.Parallel()
	ctx, dir := t.Context(), t.TempDir()
	s := sqlstoretest.Open(t, sqlstoretest.WithPath(filepath.Join(dir, "verigate.db")))
	v := vaulttest.Over(t, s.VaultRecords())
	last := ""
	for n := range 30 {
		id := "a" + strconv.Itoa(n)
		_, _, err := s.PutAccount(ctx, store.PutAccount{Account: policy.Account{ID: id, Kind: policy.KindIndividual, Region: "CN", RegisteredAt: time.Unix(1, 0)}}, false)
		require.NoError(t, err)
		identity, err := v.PutSubject(ctx, id, canary())
		require.NoError(t, err)
		_, err = v.PutText(ctx, id, vault.KindNote, canaryText)
		require.NoError(t, err)
		_, err = s.Append(ctx, lifecycle.Append{AccountID: id, ChangeID: "submit", Changes: []lifecycle.Change{{
			Event: lifecycle.Submit, At: time.Unix(2, 0), Detail: lifecycle.Detail{Identity: &identity},
		}}})
		require.NoError(t, err)
		last = identity.Ref
	}
	require.NotEmpty(t, scan(t, dir, last), "the scan finds what is there")
	for _, text := range []string{canaryName, canaryNumber, canaryNumber[:10]} {
		require.Empty(t, scan(t, dir, text), "open")
	}
	require.NoError(t, s.Close())
	for _, text := range []string{canaryName, canaryNumber, canaryNumber[:10]} {
		require.Empty(t, scan(t, dir, text), "closed")
	}
}

// TestDeletionLeavesNothing: after Delete no byte of a record is in any file: neither its reference nor any part of what
// was sealed. Records of many sizes are deleted among others that stay, so that pages are shared, split and freed.
func TestDeletionLeavesNothing(t *testing.T) {
	t.Parallel()
	ctx, dir := t.Context(), t.TempDir()
	s := sqlstoretest.Open(t, sqlstoretest.WithPath(filepath.Join(dir, "verigate.db")))
	records := s.VaultRecords()
	v := vaulttest.Over(t, records)
	var gone, kept []deposit
	put := func(n int) deposit {
		ref, err := v.PutText(ctx, "a1", vault.KindNote, strings.Repeat(canaryText, 1+n*n/40))
		require.NoError(t, err)
		r, err := records.Record(ctx, "a1", ref)
		require.NoError(t, err)
		return deposit{ref, r.Sealed}
	}
	for n := range 200 {
		if n%4 == 0 {
			kept = append(kept, put(n))
		} else {
			gone = append(gone, put(n))
		}
	}
	require.Len(t, present(contents(t, dir), gone), len(gone), "the search finds what is there")
	for _, d := range gone {
		require.NoError(t, v.Delete(ctx, "a1", d.ref))
	}
	files := contents(t, dir)
	require.Empty(t, present(files, gone))
	for _, d := range kept {
		require.Contains(t, files, d.ref)
		_, err := v.Text(ctx, "a1", d.ref)
		require.NoError(t, err)
	}
}

type deposit struct {
	ref    string
	sealed []byte
}

// present returns the references of the deposits of which the reference or any sixteen bytes, cut at a multiple of
// sixteen, are in text.
func present(text string, deposits []deposit) map[string]bool {
	const piece = 16
	pieces, found := map[string]string{}, map[string]bool{}
	for _, d := range deposits {
		for from := 0; from+piece <= len(d.sealed); from += piece {
			pieces[string(d.sealed[from:from+piece])] = d.ref
		}
		pieces[d.ref[:piece]] = d.ref
	}
	for from := 0; from+piece <= len(text); from++ {
		if ref, ok := pieces[text[from:from+piece]]; ok {
			found[ref] = true
		}
	}
	return found
}

func contents(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, f := range files {
		content, err := os.ReadFile(filepath.Join(dir, f.Name()))
		require.NoError(t, err)
		all.Write(content)
	}
	return all.String()
}
