package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// newStopSandboxCommand ends the sandbox of a pod by way of its runtime, without a word to the kubelet: what `crictl
// stopp` does.
func newStopSandboxCommand() *cobra.Command {
	return &cobra.Command{
		Use:  "stop-sandbox ENDPOINT POD-UID",
		Args: cobra.ExactArgs(2),
		RunE: func(command *cobra.Command, arguments []string) error {
			connection, err := grpc.Dial(arguments[0], grpc.WithTransportCredentials(insecure.NewCredentials()))
			if err != nil {
				return err
			}
			defer connection.Close()
			return stopSandbox(command.Context(), cri.NewRuntimeServiceClient(connection), arguments[1])
		},
	}
}

func stopSandbox(ctx context.Context, runtime cri.RuntimeServiceClient, uid string) error {
	found, err := runtime.ListPodSandbox(ctx, &cri.ListPodSandboxRequest{Filter: &cri.PodSandboxFilter{
		LabelSelector: map[string]string{"io.kubernetes.pod.uid": uid},
		State:         &cri.PodSandboxStateValue{State: cri.PodSandboxState_SANDBOX_READY},
	}})
	if err != nil {
		return err
	}
	if len(found.Items) != 1 {
		return fmt.Errorf("the pod %s has %d sandboxes that run, not one", uid, len(found.Items))
	}
	_, err = runtime.StopPodSandbox(ctx, &cri.StopPodSandboxRequest{PodSandboxId: found.Items[0].Id})
	return err
}
