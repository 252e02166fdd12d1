"""What the contracts say of themselves, and that the code keeps up with it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor

from buf.validate import validate_pb2
from onegrid.options.v1 import options_pb2, rules_pb2
from onegrid_kit.contracts import changes_something
from onegrid_kit.errors import DomainError, InvalidRequest
from onegrid_kit.rpc.access import access_rule
from onegrid_kit.rpc.validation import validate
from onegrid_kit.service import Service

from .calling import DOCUMENTED_METADATA, METHODS, REASON_ENUMS, REASONS, ROOT, SERVED, access, request_of

# Of what they list there are few, by a limit.
UNPAGED = {"ListSigningKeys", "ListColumns", "ListSubscriptions", "ListAddresses"}
# They make sessions, which are not the caller's until they have been made; a repeated Logout changes nothing.
SESSIONS = {
    "LoginWithPassword",
    "RequestOneTimeCode",
    "LoginWithOneTimeCode",
    "LoginServiceAccount",
    "RefreshSession",
    "Logout",
}
# What they hold has ids of its own.
KNOWN_BY_CONTENT = {"AppendEntries", "AppendStudyEntries", "IngestReadings", "ReportStudy"}
every_method = pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
every_service = pytest.mark.parametrize("service", SERVED, ids=lambda service: service.name)


def rules(field: FieldDescriptor) -> validate_pb2.FieldRules:
    return field.GetOptions().Extensions[validate_pb2.field]


@every_method
def test_it_declares_who_may_call_it(method: MethodDescriptor) -> None:
    rule = access(method)
    assert rule.audience != options_pb2.AUDIENCE_UNSPECIFIED
    if rule.audience == options_pb2.AUDIENCE_PERMITTED:
        service = method.containing_service.full_name.split(".")[1]
        assert re.fullmatch(rf"{service}\.[a-z]+\.[a-z]+", rule.permission)
    else:
        assert not rule.permission
        assert not rule.scope_field


def test_a_permission_has_the_same_default_roles_wherever_it_is_needed() -> None:
    roles: dict[str, list[int]] = {}
    for rule in map(access, METHODS):
        assert rule.permission or not rule.default_roles
        assert options_pb2.BUILT_IN_ROLE_UNSPECIFIED not in rule.default_roles
        assert len(set(rule.default_roles)) == len(rule.default_roles)
        assert roles.setdefault(rule.permission, sorted(rule.default_roles)) == sorted(rule.default_roles)


@every_method
def test_its_messages_are_its_own(method: MethodDescriptor) -> None:
    assert method.input_type.name == f"{method.name}Request"
    assert method.output_type.name == f"{method.name}Response"


@every_method
def test_what_changes_something_can_be_repeated(method: MethodDescriptor) -> None:
    field = method.input_type.fields_by_name.get("request_id")
    if method.name in KNOWN_BY_CONTENT:
        assert field is None
        return
    assert (field is not None) == (changes_something(method) and method.name not in SESSIONS)
    if field is not None:
        assert rules(field).string.uuid


@every_method
def test_what_only_reads_says_so(method: MethodDescriptor) -> None:
    """Clients, caches and the audit trail go by `idempotency_level`; readers go by the name."""
    assert changes_something(method) != method.name.startswith(
        ("Get", "List", "Count", "Watch", "Stream", "Locate", "Preview", "Summarize", "Explain")
    )


@every_method
def test_what_is_audited_names_its_resource(method: MethodDescriptor) -> None:
    """A command, and a read of personal data, but for what is called before anybody is known."""
    rule = access_rule(method)
    audited = not rule.public and (changes_something(method) or rule.reads_personal_data)
    assert ((rule.resource or rule.response_resource) is not None) == audited


@every_method
def test_the_resource_that_a_request_is_audited_for_can_not_be_empty(method: MethodDescriptor) -> None:
    path = access(method).resource_field
    if path:
        with pytest.raises(InvalidRequest) as refused:
            validate(request_of(method)(), b"")
        assert any(path.startswith(field) for field, _ in refused.value.violations)


@every_method
def test_what_lists_has_pages(method: MethodDescriptor) -> None:
    lists = method.name == "GetPublicTimeline" or (method.name.startswith("List") and method.name not in UNPAGED)
    request, response = method.input_type.fields_by_name, method.output_type.fields_by_name
    assert ("page_size" in request, "page_token" in request, "next_page_token" in response) == (lists,) * 3
    if lists:
        assert (rules(request["page_size"]).int32.gte, rules(request["page_size"]).int32.lte) == (0, 500)
        assert rules(request["page_token"]).string.max_bytes


@every_method
def test_every_text_has_an_end(method: MethodDescriptor) -> None:
    """A rule limits each text and list, so that what is stored, hashed or returned has a limited size."""
    for field in method.input_type.fields:
        rule = rules(field)
        if field.is_repeated:
            assert rule.repeated.max_items, field.full_name
            rule = rule.repeated.items
        if field.type == FieldDescriptor.TYPE_STRING:
            string = rule.string
            bounded = string.max_len or string.max_bytes or string.uuid
            # A pattern without + and * is as long as its parts.
            assert bounded or (string.pattern and not re.search(r"(?<!\\)[+*]", string.pattern)), field.full_name
        if field.type == FieldDescriptor.TYPE_ENUM:
            assert rule.enum.defined_only or getattr(rule.enum, "in"), field.full_name


def input_strings(message: Descriptor, prefix: str = "") -> Iterator[tuple[str, FieldDescriptor]]:
    """Each string that a request may bring, with its path. Of a resource, only what the update mask may name."""
    expressions = " ".join(rule.expression for rule in message.GetOptions().Extensions[validate_pb2.message].cel)
    named = re.search(r"update_mask\.paths\.all\(p, p in \[(.*?)\]\)", expressions)
    for field in message.fields:
        path = prefix + field.name
        if field.type == FieldDescriptor.TYPE_STRING and f"{path}.matches(" not in expressions:
            yield path, field
        elif field.message_type is not None and field.message_type.file.package.startswith("onegrid."):
            for inner, each in input_strings(field.message_type, f"{path}."):
                mutable = named is None or each.name in re.findall(r"'(\w+)'", named[1])
                if mutable and f"this.{inner}.matches(" not in expressions:
                    yield inner, each


@every_method
def test_every_string_has_a_format_or_is_text_for_people(method: MethodDescriptor) -> None:
    """Text for people needs the rule `one_line` or `multi_line`; the rest a pattern, or a limit in bytes."""
    for path, field in input_strings(method.input_type):
        rule = rules(field).repeated.items.string if field.is_repeated else rules(field).string
        formatted = bool(rule.pattern or rule.uuid or getattr(rule, "in") or rule.max_bytes)
        text = [rule.Extensions[rules_pb2.one_line], rule.Extensions[rules_pb2.multi_line]]
        assert sum([formatted, *text]) == 1, path
        assert formatted or (rule.max_len and not rule.min_len), path


@every_service
def test_every_event_is_marked_as_one(service: Service) -> None:
    package = service.descriptor.full_name.rsplit(".", 1)[0]
    messages = import_module(f"{package}.events_pb2").DESCRIPTOR.message_types_by_name
    marked = {name for name, each in messages.items() if each.GetOptions().HasExtension(options_pb2.event)}
    parts = {
        field.message_type.name for each in messages.values() for field in each.fields if field.message_type is not None
    }
    assert marked == set(messages) - parts
    for name in sorted(marked):
        # One fact, in the past: PetitionFiled.
        assert name.endswith(("ed", "en", "wn")), name


@every_service
def test_events_with_personal_data_declare_its_retention(service: Service) -> None:
    package = service.descriptor.full_name.rsplit(".", 1)[0]
    for name, each in import_module(f"{package}.events_pb2").DESCRIPTOR.message_types_by_name.items():
        event = each.GetOptions().Extensions[options_pb2.event]
        if each.GetOptions().HasExtension(options_pb2.event) and holds_personal_data(each, set()):
            assert event.HasField("personal_data_retention"), name


def holds_personal_data(message: object, seen: set[str]) -> bool:
    seen.add(message.full_name)  # type: ignore[attr-defined]
    return any(
        field.GetOptions().Extensions[options_pb2.personal]
        or (
            field.message_type is not None
            and field.message_type.full_name not in seen
            and holds_personal_data(field.message_type, seen)
        )
        for field in message.fields  # type: ignore[attr-defined]
    )


@every_method
def test_reads_that_answer_with_personal_data_are_marked(method: MethodDescriptor) -> None:
    """A read whose answer may hold fields marked personal is written to the audit trail, but for what is one's own."""
    if changes_something(method) or method.name == "GetCaller":
        return
    rule = access(method)
    if not rule.reads_personal_data and list(rule.default_roles) == [options_pb2.BUILT_IN_ROLE_SELF]:
        return
    assert rule.reads_personal_data == holds_personal_data(method.output_type, set())


COMMON_ERRORS = ("onegrid_kit.errors", "onegrid_kit.field.errors", "onegrid_kit.http.errors")


def errors_of(module: str) -> list[type[DomainError]]:
    """The errors that a module defines, with a reason of their own."""
    return [
        each
        for each in vars(import_module(module)).values()
        if isinstance(each, type)
        and issubclass(each, DomainError)
        and each.__module__.startswith(module)
        and "reason" in vars(each)
    ]


@every_service
def test_every_reason_can_happen_and_no_other_can(service: Service) -> None:
    """Each value of the enums is the reason of an error of the service or of the kit, and the other way round."""
    common, own = REASON_ENUMS[service.domain]
    for enum, modules in ((common, COMMON_ERRORS), (own, (f"{service.package}.errors",))):
        used = [error.reason.value for module in modules for error in errors_of(module)]
        assert {value.number for value in used} == {number for number in enum.values() if number}
        assert {value.type for value in used} <= {enum.DESCRIPTOR}


@cache
def raised() -> set[str]:
    """The classes that code raises, makes or passes on."""
    use = re.compile(r"\braise ([A-Z]\w+)|(?<!class )\b([A-Z]\w+)\(|\b[a-z_]+=([A-Z]\w+)")
    sources = [*ROOT.glob("kit/src/**/*.py"), *ROOT.glob("services/*/src/**/*.py")]
    return {name for source in sources for names in use.findall(source.read_text()) for name in names}


@pytest.mark.parametrize("module", [*COMMON_ERRORS, *(f"{service.package}.errors" for service in SERVED)])
def test_every_error_is_raised_somewhere(module: str) -> None:
    """A reason that no code raises would document an error that can't happen."""
    assert not {error.__name__ for error in errors_of(module)} - raised()


@every_service
def test_every_reason_has_an_example(service: Service) -> None:
    documented = {reason for domain, reason in DOCUMENTED_METADATA if domain == service.domain}
    assert documented == REASONS[service.domain]
