"""Writes the documents that the code knows best: the petition's life, settings, metrics, permissions; and the lines
that list the services in files that are otherwise written by hand.

`write` writes them, `check` fails if one is not fresh.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml
from prometheus_client.metrics import MetricWrapperBase

from onegrid.contracts import CONTRACTS, SERVICES
from onegrid.emergency.v1.incident_steps_pb2 import IncidentAction
from onegrid.emergency.v1.resources_pb2 import IncidentState
from onegrid.petition.v1.resources_pb2 import Action, State, TaskState
from onegrid_checks import settings as checks
from onegrid_emergency.incident_lifecycle import LIFE as INCIDENT
from onegrid_identity import granting
from onegrid_kit import metrics, tracing
from onegrid_kit.contracts import access_of, fields_under, visibility_of
from onegrid_kit.service import Service, installed
from onegrid_kit.settings import ServiceSettings, describe
from onegrid_petition import lifecycle

ROOT = Path(__file__).resolve().parent.parent
NOTE = "<!-- Written by `make format` from the code; change it there. -->\n\n"


def life() -> str:
    """The petition's states as a diagram, and who may take which step."""
    return "\n".join(
        (
            "# The life of a petition\n",
            NOTE + "From the rules in `lifecycle`, which the service itself asks.\n",
            "```mermaid",
            *lifecycle.LIFE.diagram(State.STATE_FILED, Action.ACTION_FILE),
            "```\n",
            *lifecycle.LIFE.table(),
            "\n## Its tasks\n",
            "```mermaid",
            *lifecycle.TASKS.diagram(TaskState.TASK_STATE_ASSIGNED, Action.ACTION_DISPATCH),
            "```\n",
            *lifecycle.TASKS.table(),
            "",
        )
    )


def incident_life() -> str:
    """The incident's states as a diagram, and who may take which step."""
    return "\n".join(
        (
            "# The life of an incident\n",
            NOTE + "From the rules in `incident_lifecycle`, which the service itself asks.\n",
            "```mermaid",
            *INCIDENT.diagram(IncidentState.INCIDENT_STATE_REPORTED, IncidentAction.INCIDENT_ACTION_REPORT),
            "```\n",
            *INCIDENT.table(),
            "",
        )
    )


def settings() -> str:
    """The settings of each service."""
    lines = ["# Settings\n", NOTE + "Read from the environment, once, at start.\n"]
    common = list(describe(ServiceSettings))
    tables = [("Every service", common)]
    for service in installed():
        own = [row for row in describe(service.settings) if row not in common]
        tables.append((service.name, own))
    tables.append(("The checks", list(checks.describe())))
    for title, rows in tables:
        if rows:
            lines += [f"## {title}\n", "| name | default | meaning |", "| --- | --- | --- |"]
            lines += [f"| `{name}` | {f'`{default}`' if default else ''} | {doc} |" for name, default, doc in rows]
            lines.append("")
    return "\n".join(lines)


def measured() -> str:
    """Every metric, and every span."""
    lines = ["# Metrics and spans\n", NOTE + "Counted and timed by each process itself, on `/metrics`.\n"]
    lines += ["| name | type | labels | meaning |", "| --- | --- | --- | --- |"]
    for module in (metrics, *_metrics_of_services()):
        for metric in vars(module).values():
            if isinstance(metric, MetricWrapperBase):
                name = metric._name + ("_total" if metric._type == "counter" else "")
                labels = ", ".join(metric._labelnames)
                lines.append(f"| `{name}` | {metric._type} | {labels} | {metric._documentation} |")
    lines += ["\n## Spans\n", "Of calls that are sampled; `service.name` is `onegrid-<service>`.\n"]
    lines += ["| name | kind | attributes | meaning |", "| --- | --- | --- | --- |"]
    lines += [f"| {name} | {kind} | {attributes} | {meaning} |" for name, kind, attributes, meaning in tracing.SPANS]
    return "\n".join(lines) + "\n"


def _served() -> Iterator[Service]:
    """The services, each followed by those that it hosts."""
    return (served for service in installed() for served in service.served)


def _metrics_of_services() -> Iterator[ModuleType]:
    for service in _served():
        if find_spec(f"{service.package}.metrics"):
            yield import_module(f"{service.package}.metrics")


def permissions() -> str:
    """Which method needs which permission, and which role has it."""
    lines = [
        "# Permissions\n",
        NOTE + "From the option `onegrid.options.v1.access` of each method, and the built-in roles.\n",
    ]
    lines += ["| method | open to | over | reads personal data | roles |", "| --- | --- | --- | --- | --- |"]
    for service in _served():
        for method in service.descriptor.methods:
            access = access_of(method)
            who = f"`{access.permission}`" if access.permission else ("anyone" if access.audience == 1 else "any token")
            over = access.scope_field or ("the resource" if access.permission else "")
            roles = ", ".join(role.id for role in granting.BUILT_IN if access.permission in role.permissions)
            reads = "yes" if access.reads_personal_data else ""
            lines.append(f"| {service.descriptor.name}.{method.name} | {who} | {over} | {reads} | {roles} |")
    lines += ["\n## Fields\n", "Those that are not for all who get an answer, from the option `visible_to`.\n"]
    lines += ["| field | visible to | roles |", "| --- | --- | --- |"]
    for service in _served():
        outputs = [method.output_type for method in service.descriptor.methods]
        fields = {field.full_name: field for output in outputs for field in fields_under(output)}
        for name, field in sorted(fields.items()):
            rule = visibility_of(field)
            if rule is not None:
                viewers = [kind for kind, does in (("the owner", rule.owner), ("offices", rule.office)) if does]
                viewers += [f"`{rule.permission}`"] if rule.permission else []
                roles = ", ".join(role.id for role in granting.BUILT_IN if rule.permission in role.permissions)
                lines.append(f"| {name.split('.', 3)[-1]} | {', '.join(viewers)} | {roles} |")
    return "\n".join(lines) + "\n"


def chart_values() -> str:
    """Every value that the charts take."""
    lines = ["# Values of the charts\n", NOTE + "From each chart's `values.schema.json` and `values.yaml`.\n"]
    for title, chart in (
        ("The umbrella chart `onegrid`", "onegrid"),
        (
            "A service: under `<service>.service` in the umbrella, under `service` in a service's own chart",
            "onegrid-lib",
        ),
        ("The data stores: chart `onegrid-data`", "onegrid-data"),
    ):
        lines += [f"## {title}\n", *_values_of(chart), ""]
    return "\n".join(lines)


def _values_of(chart: str) -> Iterator[str]:
    yield from ("| value | default | meaning |", "| --- | --- | --- |")
    schema = json.loads((ROOT / "deploy/helm" / chart / "values.schema.json").read_text())
    for name, default, doc in _leaves(schema, schema, defaults_of(chart), ""):
        yield f"| `{name}` | {default} | {doc} |"


def defaults_of(chart: str) -> dict[str, Any]:
    """A chart's values, unless they are set."""
    defaults: dict[str, Any] = yaml.load((ROOT / "deploy/helm" / chart / "values.yaml").read_text(), yaml.CSafeLoader)
    # Where they are kept, since Helm can't tell a default from what a user sets.
    if "platformDefaults" in defaults:
        defaults["platform"] = defaults.pop("platformDefaults")
    return defaults


def released_values() -> str:
    """What users of this version can set: of the version that is next, this is not written any more."""
    values = {chart: defaults_of(chart) for chart in ("onegrid", "onegrid-lib", "onegrid-data")}
    return "# Written by `make format`, as long as the charts have this version.\n" + yaml.safe_dump(values, width=120)


def _chart(chart: str) -> Any:
    return yaml.load((ROOT / "deploy/helm" / chart / "Chart.yaml").read_text(), yaml.CSafeLoader)


def chart_readme(chart: str) -> str:
    """What `helm show readme` shows."""
    about = _chart(chart)
    package = f"{chart}-{about['version']}.tgz"
    lines = [f"# {chart}\n", NOTE + f"{about['description']}.\n", "```sh"]
    if chart in SERVICES:
        identity = "service.platform.identity=onegrid-identity.district:50051"
        lines += [
            f"helm -n street install street {package} --set {identity}\n```\n",
            "By itself for tiers whose identity and data stores are elsewhere; the chart `onegrid` contains it.",
            "What all services take, here under `service`: `docs/values.md`.",
        ]
        if (own := ROOT / "deploy/helm" / chart / "values.yaml").exists():
            lines += [f"Of that it sets:\n\n```yaml\n{own.read_text()}```"]
    else:
        release = chart.removeprefix("onegrid-")
        lines += [
            f"helm -n onegrid install {release} {package} -f values.yaml --wait\n```\n",
            "What comes before it, and what production needs: `docs/install.md`.",
            "What all services take: `docs/values.md`.\n",
            *_values_of(chart),
        ]
    return "\n".join(lines) + "\n"


def _leaves(schema: Any, root: Any, default: Any, path: str) -> Iterator[tuple[str, str, str]]:
    """The values of a schema that a user sets, with what each is unless it is set."""
    described = schema.get("description", "")
    while "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rpartition("/")[2]]
        described = described or schema.get("description", "")
    properties = {
        key: each
        for key, each in schema.get("properties", {}).items()
        if key not in ("global", "onegrid-lib", "platformDefaults")
    }
    if not properties or path.endswith("resources"):
        yield path, f"`{json.dumps(default, ensure_ascii=False)}`" if default is not None else "", described
        return
    if described and path:
        yield path, "", f"**{described}**"
    for key, each in properties.items():
        inner = default.get(key) if isinstance(default, dict) else None
        yield from _leaves(each, root, inner, f"{path}.{key}" if path else key)


def _dependency(service: str) -> str:
    version = _chart(service)["version"]
    where = f"file://../{service}"
    return f'  - {{name: {service}, version: {version}, repository: "{where}", condition: {service}.enabled}}'


def _row(service: str, description: str) -> str:
    file = f"{service}_service.proto"
    return f"| {service} | {description} | [{file}](protos/onegrid/{service}/v1/{file}) |"


def _project(service: str) -> Any:
    return tomllib.loads((ROOT / "services" / service / "pyproject.toml").read_text())


LISTS: Mapping[str, tuple[str, Callable[[str], str]]] = {
    "README.md": (r".*_service\.proto\) \|", lambda name: _row(name, _project(name)["project"]["description"])),
    "README.zh-CN.md": (
        r".*_service\.proto\) \|",
        lambda name: _row(name, _project(name)["tool"]["onegrid"]["description-zh"]),
    ),
    "deploy/helm/onegrid/Chart.yaml": (r"  - .*condition: .*", _dependency),
    "deploy/helm/onegrid/values.yaml": (r"\w+: \{enabled: true\}", "{}: {{enabled: true}}".format),
    "deploy/helm/onegrid/values.schema.json": (
        r'    "\w+": \{"\$ref": "#/\$defs/service"\},',
        '    "{}": {{"$ref": "#/$defs/service"}},'.format,
    ),
    "deploy/helm/onegrid-data/values.yaml": (r"  - \w+", "  - {}".format),
}
"""Files with a line for each service: what such lines look like, and how one is written. The READMEs have one for each
contract.
"""


def listing(path: str) -> str:
    """The file, with a line for each service where such lines are."""
    line, write = LISTS[path]
    names = CONTRACTS if path.startswith("README") else SERVICES
    before, _, after = re.split(rf"((?:^{line}\n)+)", (ROOT / path).read_text(), maxsplit=1, flags=re.MULTILINE)
    return before + "".join(write(name) + "\n" for name in names) + after


DOCUMENTS: Mapping[str, Callable[[], str]] = {
    **{path: partial(listing, path) for path in LISTS},
    "docs/values.md": chart_values,
    f"tests/deployment/released/{_chart('onegrid')['version']}.yaml": released_values,
    **{f"deploy/helm/{name}/README.md": partial(chart_readme, name) for name in (*SERVICES, "onegrid", "onegrid-data")},
    "docs/petition-life.md": life,
    "docs/incident-life.md": incident_life,
    "docs/settings.md": settings,
    "docs/metrics.md": measured,
    "docs/permissions.md": permissions,
}


def main() -> int:
    """`write` or `check`; the exit code."""
    write = sys.argv[1:] == ["write"]
    stale = False
    # In this order: some are made of those before.
    for path, make in DOCUMENTS.items():
        text = make()
        if (ROOT / path).exists() and (ROOT / path).read_text() == text:
            continue
        stale = True
        if write:
            (ROOT / path).write_text(text)
        else:
            print(f"{path} is not fresh; make format writes it", file=sys.stderr)
    return 1 if stale and not write else 0


if __name__ == "__main__":
    sys.exit(main())
