// Validates the Prometheus operator's resources that come as a JSON list; prints the errors of each.
import { readFileSync } from "node:fs";
import * as v1 from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1";

let wrong = 0;
for (const each of JSON.parse(readFileSync(0, "utf8"))) {
  try {
    new v1[each.kind](each).validate();
  } catch (error) {
    wrong += 1;
    console.error(`${each.kind} ${each.metadata.name}: ${error.message}`);
  }
}
process.exit(wrong ? 1 : 0);
