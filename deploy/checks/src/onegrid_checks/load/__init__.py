"""The load suite: makes the calls that a profile describes and checks their outcomes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from onegrid_checks import district
from onegrid_checks.checklist import Checklist, describe
from onegrid_checks.load import profile as profiles
from onegrid_checks.load.callers import Caller
from onegrid_checks.load.emergencies import Emergencies
from onegrid_checks.load.generator import generate
from onegrid_checks.load.ledger import Ledger
from onegrid_checks.load.outcomes import Outcomes
from onegrid_checks.load.part import Part
from onegrid_checks.load.patrols import Patrols
from onegrid_checks.load.profile import Profile
from onegrid_checks.load.study import Study
from onegrid_checks.load.traffic import Traffic
from onegrid_checks.settings import Settings
from onegrid_demo import fire
from onegrid_demo.client import Client

__all__ = ["check"]

_CALLERS: Final = ("citizen", "neighbour", "enterprise", "commander", "centre", "street", "admin", "grid")


async def check(settings: Settings, checklist: Checklist) -> None:
    """Generate the profile's load and check the profile's objectives."""
    profile = profiles.read(Path(settings.profile)).of(settings.targets)
    rng = random.Random()
    ledger, outcomes = Ledger(), Outcomes()
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(district.connected(settings)) for _ in range(profile.connections)]
        with checklist.step(
            "the demonstration district is loaded, and its people log in",
            "`helm test onegrid --filter name=onegrid-checks-loop --logs` shows more",
        ):
            accounts = await district.load(clients[0], settings)
            callers = {who: Caller(clients[0], accounts[who]) for who in _CALLERS}
            parts: list[Part] = []
            if "emergency" in settings.targets:
                accounts = await stack.enter_async_context(fire.sensors_connected(clients[0], accounts))
                callers["sensors"] = Caller(clients[0], accounts["sensors"])
                parts.append(Emergencies(callers, accounts["sensors"]["name"], ledger.mark, rng))
            if "border" in settings.targets:
                parts.append(Patrols(callers, accounts, rng))
            if "partyedu" in settings.targets:
                parts.append(Study(callers, accounts, ledger.mark, rng))
            traffic = Traffic(clients, callers, ledger, parts, rng)
            await traffic.begin()
        seconds = sum(phase.seconds for phase in profile.phases)
        checklist.note(f"profile {profile.name}: {seconds:.0f} s, {profile.watchers} watchers")
        async with _watching(profile, traffic, clients) as failures:
            await generate(profile, traffic, outcomes, rng)
        checklist.note(outcomes.table(profile))
        checklist.note(f"watchers were cut and went on {traffic.resumed} times")
        outcomes.judge(profile, checklist)
        checklist.expect(
            "no watcher sees an error but UNAVAILABLE, which it goes on from",
            not failures,
            actual="; ".join(dict.fromkeys(failures)),
            look="petition's api log, method WatchPetition",
        )
        await ledger.settle(clients, [callers["citizen"], callers["enterprise"]], checklist)
        for part in parts:
            await part.settle(clients[0], checklist)


@asynccontextmanager
async def _watching(profile: Profile, traffic: Traffic, clients: Sequence[Client]) -> AsyncIterator[list[str]]:
    """Keep streams open in the background; yields the list of their failures."""
    failures: list[str] = []

    async def watch(client: Client) -> None:
        try:
            await traffic.watch(client)
        except Exception as error:
            failures.append(describe(error))

    watchers = [asyncio.create_task(watch(clients[number % len(clients)])) for number in range(profile.watchers)]
    try:
        yield failures
    finally:
        for watcher in watchers:
            watcher.cancel()
        await asyncio.gather(*watchers, return_exceptions=True)
