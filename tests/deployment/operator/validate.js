// Validates resources of the Prometheus operator and of the Gateway API that come as a JSON list; prints the errors of each.
import { readFileSync } from "node:fs";
import * as gateways from "@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1";
import * as monitoring from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1";

const groups = { "gateway.networking.k8s.io/v1": gateways, "monitoring.coreos.com/v1": monitoring };

let wrong = 0;
for (const each of JSON.parse(readFileSync(0, "utf8"))) {
  try {
    new groups[each.apiVersion][each.kind](each).validate();
  } catch (error) {
    wrong += 1;
    console.error(`${each.kind} ${each.metadata.name}: ${error.message}`);
  }
}
process.exit(wrong ? 1 : 0);
