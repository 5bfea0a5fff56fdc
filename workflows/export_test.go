package workflows

// FromTemporal is fromTemporal, for tests that read an update's answer without a client.
func FromTemporal(err error) error { return fromTemporal(err) }
