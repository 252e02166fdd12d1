"""The loop suite: replays the reference case, from the filing until both ratings, has a policy reach a street, a fire
handled until all clear, a patrol walked, a Party branch elected, and its committee speak to members.
"""

from __future__ import annotations

import grpc.aio

from onegrid.border.v1.patrols_pb2 import PatrolState
from onegrid.emergency.v1.resources_pb2 import IncidentState
from onegrid.petition.v1 import petition_service_pb2 as pb
from onegrid.petition.v1.resources_pb2 import Action, Actor, State
from onegrid_checks import district
from onegrid_checks.checklist import Checklist, describe
from onegrid_checks.settings import Settings
from onegrid_demo import case, fire, party, patrol, policy, study, voice
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


async def check(settings: Settings, checklist: Checklist) -> None:
    """Load the district if need be, and replay the cases by the real clock: those whose services there are."""
    async with district.connected(settings) as client:
        doing, look = _LOADED, "CHECKS_ADMIN_PASSWORD: the administrator's? Else the log of the api that refused it"
        try:
            accounts = await district.load(client, settings)
            checklist.expect(_LOADED, met=True, actual="", look="")
            doing = _REPLAYED
            look = "kubectl logs -l app.kubernetes.io/part-of=onegrid; events not carried: onegrid_outbox_events"
            petition = await case.replay(client, None, accounts)
            timeline = await client.petition.GetPublicTimeline(pb.GetPublicTimelineRequest(name=petition.name))
            checklist.note(_shown(timeline))
            checklist.expect(
                _REPLAYED,
                case.succeeded(petition) and timeline.state == State.STATE_CLOSED,
                actual=f"{petition.name} is {State.Name(petition.state)}",
                look=look,
            )
            doing = _HEARD
            look = "kubectl logs -l app.kubernetes.io/name=notify; events not handled: onegrid_events_parked"
            heard = await case.messages(client, None, accounts, timeline)
            checklist.expect(
                _HEARD,
                len(heard) == len(timeline.entries),
                actual=f"{len(heard)} of {len(timeline.entries)}",
                look=look,
            )
            doing = _REACHED
            outcome = await policy.replay(client, None, accounts)
            checklist.expect(
                _REACHED,
                policy.succeeded(outcome),
                actual=f"{len(outcome.there)} item there, {len(outcome.elsewhere)} elsewhere; {outcome.reach.total}",
                look=look,
            )
            if "emergency" in settings.targets:
                doing = _HANDLED
                look = "kubectl logs -l app.kubernetes.io/name=emergency; events not carried: onegrid_outbox_events"
                async with fire.sensors_connected(client, accounts) as with_sensors:
                    burnt = await fire.replay(client, None, with_sensors)
                checklist.expect(
                    _HANDLED,
                    fire.succeeded(burnt),
                    actual=f"{burnt.incident.name} is {IncidentState.Name(burnt.incident.state)}",
                    look=look,
                )
            if settings.targets.keys() >= {"border", "emergency"}:
                doing = _PATROLLED
                look = "kubectl logs -l app.kubernetes.io/name=border; deadlines: onegrid_ladder_oldest_due_seconds"
                walked = await patrol.replay(client, None, accounts)
                checklist.expect(
                    _PATROLLED,
                    patrol.succeeded(walked),
                    actual=f"{walked.patrol.name} is {PatrolState.Name(walked.patrol.state)}",
                    look=look,
                )
            if "partyedu" in settings.targets:
                doing = _ELECTED
                look = "kubectl logs -l app.kubernetes.io/name=partyedu; events not carried: onegrid_outbox_events"
                moved = await party.replay(client, None, accounts)
                checklist.expect(
                    _ELECTED,
                    party.succeeded(moved),
                    actual=f"{moved.transfer.name}: {moved.member.name} is of {moved.member.organization}",
                    look=look,
                )
                doing = _STUDIED
                studied = await study.replay(client, None, accounts)
                checklist.expect(
                    _STUDIED,
                    study.succeeded(studied),
                    actual=f"{studied.attempt.name}: {studied.attempt.score.percent} %, PDF: {bool(studied.pdf)}",
                    look=look,
                )
                doing = _SPOKEN
                look = "kubectl logs -l app.kubernetes.io/name=notify; events not handled: onegrid_events_parked"
                spoken = await voice.replay(client, None, accounts)
                checklist.expect(
                    _SPOKEN,
                    voice.succeeded(spoken),
                    actual=f"{len(spoken.listed)} listed there, {len(spoken.elsewhere)} not; {spoken.reach.total}",
                    look=look,
                )
        except (grpc.aio.AioRpcError, OSError, LookupError) as error:
            checklist.expect(doing, met=False, actual=describe(error), look=look)


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
