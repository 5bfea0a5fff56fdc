// Package payload encrypts what crosses Temporal. It is public because an account service that drives verifications
// over its own Temporal client (workflows.NewClient) has to speak the same code as the workers:
//
//	codec, err := payload.NewCodec(keyset)
//	c, err := client.Dial(client.Options{DataConverter: codec.DataConverter(), FailureConverter: codec.FailureConverter()})
//
// No payload holds personal data; it is encrypted all the same, and so are the texts and details of failures.
package payload
