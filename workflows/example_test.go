package workflows_test

import (
	"context"
	"errors"
	"fmt"
	"os"

	"go.temporal.io/sdk/client"

	"github.com/verigate/verigate/workflows"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/payload"
)

// An account service that holds a Temporal client starts and drives a verification without HTTP. The name and
// the number were sealed in the vault before; a workflow only ever sees their reference.
func ExampleNewClient() {
	ctx := context.Background()
	codec, err := payload.NewCodec([]byte(os.Getenv("VERIGATE_SECRETS_CODEC_KEYSET"))) // the workers' keyset
	if err != nil {
		fmt.Println(err)
		return
	}
	temporalClient, err := client.Dial(client.Options{
		Namespace: "verigate", DataConverter: codec.DataConverter(), FailureConverter: codec.FailureConverter(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer temporalClient.Close()
	verifications := workflows.NewClient(temporalClient)
	merchant := lifecycle.Actor{Kind: lifecycle.ActorMerchant}

	status, err := verifications.Submit(ctx, "shop-42", "submit-7f3a", contract.Submit{
		Identity:          lifecycle.Identity{Ref: "vault reference", Digest: "keyed digest"},
		RiskNoticeVersion: "2020-11",
		Actor:             merchant,
	})
	var refusal *lifecycle.Refusal
	switch {
	case errors.As(err, &refusal):
		fmt.Println("not now:", refusal.State, "allows", refusal.Allowed)
		return
	case err != nil:
		// Ask again under the same change id: the command is taken once, whatever was lost.
		fmt.Println(err)
		return
	}
	fmt.Println(status.State)

	status, err = verifications.StartFace(ctx, "shop-42", "start-91bc", contract.StartFace{
		Consent: &contract.Consent{TextVersion: "2020-11", Language: "zh-CN"},
		Actor:   merchant,
	})
	if err == nil {
		fmt.Println("show a QR until", status.Lease.ExpiresAt)
	}
}
