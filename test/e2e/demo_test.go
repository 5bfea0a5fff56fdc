package e2e

import "testing"

// scenario is a test that needs nothing of a demonstration but accounts of its own.
type scenario struct {
	name string
	run  func(*testing.T, *demo)
}

// TestDemo runs all scenarios on one demonstration, side by side, as accounts do on a platform.
func TestDemo(t *testing.T) {
	t.Parallel()
	runAll(t, startDemo(t), []scenario{
		{"all steps to success", allStepsToSuccess},
		{"failure and another try", failureAndAnotherTry},
		{"refresh button, success", refreshButtonSuccess},
		{"refresh button, failure", refreshButtonFailure},
		{"no consent, no face", noConsentNoFace},
		{"an account as it is seen", accountAsSeen},
		{"late pass of an older attempt", latePassOfOlderAttempt},
		{"provider says F, nobody came back", notPassedIsNotFailed},
		{"previews mark nothing", previewsMarkNothing},
		{"correction", correction},
		{"route without a face", routeWithoutFace},
		{"a child is rejected", childIsRejected},
		{"a reviewer decides", reviewerDecides},
		{"withdrawn consent", withdrawnConsent},
		{"revoked", revoked},
		{"idempotency", idempotency},
		{"one QR for many clicks", oneQRForManyClicks},
		{"a login is counted once", loginCountedOnce},
		{"boundary table", boundaryTable},
		{"time travel", timeTravel},
		{"import", importAccounts},
		{"batch", batch},
		{"keys and scopes", keysAndScopes},
	})
}

// TestShortLease runs what waits for the end of a QR code.
func TestShortLease(t *testing.T) {
	t.Parallel()
	runAll(t, startDemo(t, withShortLease()), []scenario{
		{"expired QR", expiredQR},
		{"late pass", latePass},
		{"late pass, seen by the returning phone", latePassByReturn},
	})
}

// TestTwoAttempts runs what uses up the attempts of a day.
func TestTwoAttempts(t *testing.T) {
	t.Parallel()
	runAll(t, startDemo(t, withEnv(attemptsEnv+"2")), []scenario{
		{"locked and unlocked", lockedAndUnlocked},
	})
}

func runAll(t *testing.T, d *demo, scenarios []scenario) {
	t.Helper()
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			s.run(t, d)
		})
	}
}
