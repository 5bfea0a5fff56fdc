package rehearsal

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"strconv"
	"time"
)

// chance draws numbers from 0 to 1 that depend on the seed and on what is drawn for, and on nothing else: so a
// rehearsal is the same whatever the order in which accounts are visited, and can be repeated.
func (r Rates) chance(what, accountID string, n int64) float64 {
	sum := sha256.Sum256([]byte(strconv.FormatUint(r.Seed, 10) + "\n" + what + "\n" + accountID + "\n" + strconv.FormatInt(n, 10)))
	return float64(binary.BigEndian.Uint64(sum[:8])>>11) / (1 << 53)
}

// Merchants log in by day.
const (
	firstHour = 8
	openHours = 14
)

// logins are the instants at which an account logs in on a day.
func (r Rates) logins(accountID string, midnight time.Time) []time.Time {
	whole, part := math.Modf(r.LoginsPerDay)
	times := int(whole)
	day := midnight.Unix()
	if r.chance("logs in", accountID, day) < part {
		times++
	}
	var all []time.Time
	for n := range times {
		after := r.chance("at "+strconv.Itoa(n), accountID, day) * openHours * 3600
		all = append(all, midnight.Add(firstHour*time.Hour+time.Duration(after)*time.Second))
	}
	return all
}

// verifies reports whether a prompt leads to a verification.
func (r Rates) verifies(accountID string, number int) bool {
	return r.chance("verifies", accountID, int64(number)) < r.VerifyRatePerPrompt
}
