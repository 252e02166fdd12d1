"""`make run`: one district in one process. Sets itself up, replays the reference case, and serves until Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import signal
import sys
import time
from pathlib import Path

import uvloop
from rich.console import Console

from onegrid.petition.v1 import petition_service_pb2 as pb
from onegrid_demo import case, district, fire, loading, party, party_loading, patrol, policy, study, voice
from onegrid_demo.client import Client
from onegrid_demo.inboxes import inbox_table, reach_table
from onegrid_demo.platform import SERVICES, Platform
from onegrid_demo.timeline import (
    incident_table,
    observation_table,
    party_table,
    patrol_table,
    study_table,
    timeline_table,
)
from onegrid_identity.bootstrap import bootstrap
from onegrid_identity.main import SERVICE as IDENTITY
from onegrid_kit import logs
from onegrid_kit.cipher import cipher
from onegrid_kit.database import sync_engine
from onegrid_kit.embedded.ports import free_port
from onegrid_kit.settings import SettingsError
from onegrid_partyedu.printed import can_print

console = Console()


def main() -> int:
    """Run it; the exit code."""
    parser = argparse.ArgumentParser(prog="onegrid_demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="stop after the case; 0 only if it was concluded and rated")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("ONEGRID_DATA", ".data")))
    parser.add_argument("--port", type=int, default=int(os.environ.get("ONEGRID_PORT", "50051")))
    parser.add_argument("--http-port", type=int, default=int(os.environ.get("ONEGRID_HTTP_PORT", "0")))
    arguments = parser.parse_args()
    http_port = arguments.http_port or free_port()
    logs.configure("demo", os.environ.get("ONEGRID_LOG_LEVEL", "warning"), console=True)
    platform = Platform(arguments.data, f"127.0.0.1:{arguments.port}", f"127.0.0.1:{http_port}")
    report("starting PostgreSQL" if platform.loaded else "starting PostgreSQL and making its databases")
    try:
        platform.open_database()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(serve(platform, arguments.port, once=arguments.once))
    except KeyboardInterrupt:
        return 130
    finally:
        platform.close_database()


async def serve(platform: Platform, port: int, *, once: bool) -> int:
    """Serve until a signal; with `once`, until the case ends."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    try:
        await platform.start()
    except (RuntimeError, SettingsError) as error:
        report(f"a port can't be used ({error}); choose others: ONEGRID_PORT=50052 ONEGRID_HTTP_PORT=8081 make run")
        await platform.stop()
        return 1
    client = Client({service.name: f"127.0.0.1:{port}" for service in SERVICES}, platform.codes.last)
    try:
        running = asyncio.create_task(present(platform, client, port))
        stop = asyncio.create_task(stopping.wait())
        await asyncio.wait([running, stop], return_when=asyncio.FIRST_COMPLETED)
        if not running.done():
            running.cancel()
            return 130
        good = running.result()
        if not once:
            report("serving; Ctrl-C stops")
            await stopping.wait()
            report("stopping")
        return 0 if good else 1
    finally:
        await client.close()
        await platform.stop()


async def present(platform: Platform, client: Client, port: int) -> bool:
    """Load the district the first time, replay the cases, and show them; whether they came to their good ends."""
    with platform.codes.kept_for_cases(loading.PHONES):
        petition, good = await replay(platform, client)
    show_next(platform, port, petition)
    return good


async def replay(platform: Platform, client: Client) -> tuple[str, bool]:
    """The petition of the reference case, and whether all went well."""
    await load_once(platform, client)
    accounts = platform.accounts()
    report("a Party branch elects its secretary, and a member moves to the street's committee")
    moved = await party.replay(client, platform.clock, accounts)
    console.print(party_table(moved))
    report("a member studies: a plan, a quiz, a certificate that anyone can verify")
    studied = await study.replay(client, platform.clock, accounts, prints=can_print())
    console.print(study_table(studied))
    report("the community's Party committee speaks to its members, and to nobody else")
    spoken = await voice.replay(client, platform.clock, accounts)
    show_voice(spoken)
    report("publishing a policy to one street, on the morning of 2020-11-11")
    outcome = await policy.replay(client, platform.clock, accounts)
    link = platform.unsubscribe_link(outcome.resident, outcome.article.column)
    show_policy(outcome, link)
    report("replaying the reference case of 2020-11-11 over gRPC")
    petition = await case.replay(client, platform.clock, accounts)
    timeline = await client.petition.GetPublicTimeline(pb.GetPublicTimelineRequest(name=petition.name))
    console.print(timeline_table(timeline))
    messages = await case.messages(client, platform.clock, accounts, timeline)
    console.print(inbox_table("the petitioner's inbox", messages))
    report("a smoke sensor fires in the evening")
    burnt = await fire.replay(client, platform.clock, accounts)
    console.print(incident_table(burnt.incident, burnt.timeline))
    report("a patrol of the night has no network for half an hour, and sends what it recorded later")
    walked = await patrol.replay(client, platform.clock, accounts)
    console.print(patrol_table(walked.overdue, walked.patrol, walked.alarms))
    console.print(observation_table(walked.observation))
    good = (
        case.succeeded(petition)
        and party.succeeded(moved)
        and study.succeeded(studied)
        and voice.succeeded(spoken)
        and policy.succeeded(outcome)
        and len(messages) == len(timeline.entries)
        and fire.succeeded(burnt)
        and patrol.succeeded(walked)
    )
    return petition.name, good


async def load_once(platform: Platform, client: Client) -> None:
    """Load the district, unless it is loaded with all accounts that the cases need: an older release had fewer."""
    known = platform.accounts() if platform.loaded else {}
    if known.keys() >= loading.ACCOUNTS | {"sensors", "party"}:
        return
    began = time.monotonic()
    report("loading the demonstration district: 元宝区, 1,035 cells, 34 departments")
    password = known["admin"]["password"] if known else secrets.token_urlsafe(12)
    if not known:
        settings = platform.settings(IDENTITY)
        with sync_engine(settings.database_url).begin() as conn:
            bootstrap(conn, cipher(settings.cipher, settings.cipher_keys), district.CODE, "admin", password)
    accounts = {**known, **await loading.load(client, password, clock=platform.clock)}
    sensors = await fire.connect_sensors(client, accounts)
    report("importing the rolls of its 515 Party organizations: 11,020 members")
    roll = await party_loading.load(client, password, platform.clock)
    platform.keep({**accounts, "sensors": sensors, "party": {"roll": roll.name}})
    report(f"loaded in {time.monotonic() - began:.0f} s")


def show_policy(outcome: policy.Outcome, unsubscribe_link: str) -> None:
    """Who has the policy, how far it reached, and where an e-mail about it lets its reader unsubscribe."""
    console.print(inbox_table("the inbox of a resident of 广济街道", outcome.there))
    console.print(inbox_table("the inbox of a resident of 九道街道", outcome.elsewhere))
    console.print(reach_table("how far it reached", [outcome.reach.total, *outcome.reach.parts]))
    console.print(
        f"in a browser, where the resident ends e-mails of its column without logging in:\n\n  {unsubscribe_link}\n",
        highlight=False,
        soft_wrap=True,
    )


def show_voice(outcome: voice.Outcome) -> None:
    """Who spoke, what a member finds of it and what others do, and how many read it."""
    article, read = outcome.article, outcome.reach.total.read
    console.print(
        f"\n{article.organization_display_name}: {article.content.title}\n"
        f"  listed to a member: {len(outcome.listed)}, to others: {len(outcome.elsewhere)}; "
        f"read by {read.numerator} of {read.denominator}\n",
        highlight=False,
    )


def show_next(platform: Platform, port: int, petition: str) -> None:
    """How to go on from here."""
    accounts = platform.accounts()
    password = accounts["commander"]["password"]
    console.print(
        f"""
Call it next (reflection is on; all accounts are in the data folder's district.json):

  .venv/bin/buf curl --protocol grpc --http2-prior-knowledge \\
    -d '{{"name": "{petition}"}}' \\
    http://127.0.0.1:{port}/onegrid.petition.v1.PetitionService/GetPublicTimeline

  .venv/bin/buf curl --protocol grpc --http2-prior-knowledge \\
    -d '{{"login": "commander", "password": "{password}"}}' \\
    http://127.0.0.1:{port}/onegrid.identity.v1.IdentityService/LoginWithPassword
""",
        highlight=False,
        soft_wrap=True,
    )


def report(text: str) -> None:
    """Print a line about the progress."""
    console.print(f"==> {text}", highlight=False)


if __name__ == "__main__":
    sys.exit(main())
