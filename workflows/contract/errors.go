package contract

// Types of application errors that cross Temporal. They are codes, never texts.
const (
	// ErrTypeRefusal carries a lifecycle.Refusal as detail: the command was judged and not taken.
	ErrTypeRefusal = "refusal"
	// ErrTypeInvalid means that an input breaks its contract; the detail names the field.
	ErrTypeInvalid = "invalid"
	// ErrTypeAccountUnknown means that the account is not registered.
	ErrTypeAccountUnknown = "account_unknown"
	// ErrTypeProviderUnavailable means that the provider did not take the order; nothing was changed.
	ErrTypeProviderUnavailable = "provider_unavailable"
	// ErrTypeProviderRefused means that the provider refuses for a reason that a retry does not mend.
	ErrTypeProviderRefused = "provider_refused"
	// ErrTypeBrokenLog means that the log in the store cannot be folded: an operator has to look.
	ErrTypeBrokenLog = "broken_log"
)
