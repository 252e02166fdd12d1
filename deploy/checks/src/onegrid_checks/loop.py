"""The loop suite: replays the reference case, from the filing until both ratings, has a policy reach a street, a fire
handled until all clear, a patrol walked, a Party branch elected, and its committee speak to members.
"""

from __future__ import annotations

from onegrid.border.v1.patrols_pb2 import PatrolState
from onegrid.emergency.v1.resources_pb2 import IncidentState
from onegrid.petition.v1 import petition_service_pb2 as pb
from onegrid.petition.v1.resources_pb2 import Action, Actor, State
from onegrid_checks import district
from onegrid_checks.checklist import Checklist
from onegrid_checks.settings import Settings
from onegrid_demo import case, fire, party, patrol, policy, study, voice
from onegrid_demo.client import Client
from onegrid_kit.clock import CHINA

__all__ = ["check"]

_LOADED = "the demonstration district is loaded"
_REPLAYED = "the reference case is concluded, and rated good by the petitioner and the grid worker"
_HEARD = "the petitioner finds a message of each step in the inbox"
_HANDLED = "a fire that a sensor reports is handled by a team until all clear, and reviewed"
_PATROLLED = "a patrol is seen while it is out, reaches all its checkpoints, and what it noticed is an incident"
_ELECTED = "a Party branch has its term, and a member moves with the consent of both sides"
_STUDIED = "a member passes a quiz of the year's plan, and gets a certificate that anyone can verify"
_SPOKEN = "what a Party organization says to its members is read by one of them, and not given to others"
_REACHED = "a policy for one street is read by a resident there, counted, and not given to one elsewhere"
_LOG = "kubectl logs -l app.kubernetes.io/name"
_NOT_CARRIED = "events not carried: onegrid_outbox_events"
_NOT_HANDLED = "events not handled: onegrid_events_parked"


async def check(settings: Settings, checklist: Checklist) -> None:
    """Load the district if need be, and replay the cases by the real clock: those whose services there are."""
    async with district.connected(settings) as client:
        await _replay(client, settings, checklist)


async def _replay(client: Client, settings: Settings, checklist: Checklist) -> None:
    step = checklist.step
    with step(_LOADED, "CHECKS_ADMIN_PASSWORD: the administrator's? Else the log of the api that refused it") as expect:
        accounts = await district.load(client, settings)
        expect(True, "")
    with step(_REPLAYED, f"kubectl logs -l app.kubernetes.io/part-of=onegrid; {_NOT_CARRIED}") as expect:
        petition = await case.replay(client, None, accounts)
        timeline = await client.petition.GetPublicTimeline(pb.GetPublicTimelineRequest(name=petition.name))
        checklist.note(_shown(timeline))
        expect(
            case.succeeded(petition) and timeline.state == State.STATE_CLOSED,
            f"{petition.name} is {State.Name(petition.state)}",
        )
    with step(_HEARD, f"{_LOG}=notify; {_NOT_HANDLED}") as expect:
        heard = await case.messages(client, None, accounts, timeline)
        expect(len(heard) == len(timeline.entries), f"{len(heard)} of {len(timeline.entries)}")
    with step(_REACHED, f"{_LOG}=notify; {_NOT_HANDLED}") as expect:
        outcome = await policy.replay(client, None, accounts)
        expect(
            policy.succeeded(outcome),
            f"{len(outcome.there)} item there, {len(outcome.elsewhere)} elsewhere; {outcome.reach.total}",
        )
    if "emergency" in settings.targets:
        with step(_HANDLED, f"{_LOG}=emergency; {_NOT_CARRIED}") as expect:
            async with fire.sensors_connected(client, accounts) as with_sensors:
                burnt = await fire.replay(client, None, with_sensors)
            expect(fire.succeeded(burnt), f"{burnt.incident.name} is {IncidentState.Name(burnt.incident.state)}")
    if settings.targets.keys() >= {"border", "emergency"}:
        with step(_PATROLLED, f"{_LOG}=border; deadlines: onegrid_ladder_oldest_due_seconds") as expect:
            walked = await patrol.replay(client, None, accounts)
            expect(patrol.succeeded(walked), f"{walked.patrol.name} is {PatrolState.Name(walked.patrol.state)}")
    if "partyedu" in settings.targets:
        with step(_ELECTED, f"{_LOG}=partyedu; {_NOT_CARRIED}") as expect:
            moved = await party.replay(client, None, accounts)
            expect(
                party.succeeded(moved), f"{moved.transfer.name}: {moved.member.name} is of {moved.member.organization}"
            )
        with step(_STUDIED, f"{_LOG}=partyedu; {_NOT_CARRIED}") as expect:
            studied = await study.replay(client, None, accounts)
            expect(
                study.succeeded(studied),
                f"{studied.attempt.name}: {studied.attempt.score.percent} %, PDF: {bool(studied.pdf)}",
            )
        with step(_SPOKEN, f"{_LOG}=notify; {_NOT_HANDLED}") as expect:
            spoken = await voice.replay(client, None, accounts)
            expect(
                voice.succeeded(spoken),
                f"{len(spoken.listed)} listed there, {len(spoken.elsewhere)} not; {spoken.reach.total}",
            )


def _shown(timeline: pb.GetPublicTimelineResponse) -> str:
    lines = [f"{timeline.petition}  {timeline.organization}"]
    for entry in timeline.entries:
        moment = entry.time.ToDatetime(tzinfo=CHINA)
        action, actor = Action.Name(entry.action)[7:], Actor.Name(entry.actor)[6:]
        note = entry.public_note or "★" * entry.stars
        lines.append(
            f"  {moment:%H:%M:%S} {action:15} {actor:15} {State.Name(entry.state)[6:]:10} "
            f"{entry.office_display_name or entry.office} {note}".rstrip()
        )
    return "\n".join(lines)
