"""Runs rendered Kubernetes manifests as containers on dockerd, honouring what they say. It is not Kubernetes."""
