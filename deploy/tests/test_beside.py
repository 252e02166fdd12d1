"""A street's platform in a namespace of its own, by the district's identity and data stores: the first tests, while the
district is as it was installed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from urllib.parse import quote
from urllib.request import urlopen

import pytest
from installation import ADMIN_PASSWORD, NAMESPACE, SECRETS, STREET, only, reaches, tier

from onegrid.identity.v1 import identity_service_pb2 as identity_pb2
from onegrid.identity.v1 import identity_service_pb2_grpc as identity_pb2_grpc
from onegrid.petition.v1 import petition_service_pb2 as petition_pb2
from onegrid.petition.v1 import petition_service_pb2_grpc as petition_pb2_grpc
from onegrid_demo.client import bearer, connect
from onegrid_runner.cluster import Cluster

SCRAPED_S = 60


@pytest.fixture(scope="module")
def street(cluster: Cluster) -> Iterator[Cluster]:
    """The street's namespace, with its release."""
    with cluster.beside(STREET) as street:
        street.apply(SECRETS)
        street.install(STREET, tier())
        yield street


def test_the_suite_of_the_street_passes(street: Cluster) -> None:
    (smoke,) = street.test(STREET, on_line=print)
    assert smoke.code == 0, smoke.output


@pytest.mark.parametrize("suite", ["smoke", "loop"])
def test_the_district_goes_on_without_the_streets_api(cluster: Cluster, street: Cluster, suite: str) -> None:
    """Its worker and its relay go on, by the same queue and database."""
    street.scale("street-petition-api", 0)
    (result,) = cluster.test(NAMESPACE, [suite], print)
    street.scale("street-petition-api", 2)
    assert result.code == 0, result.output


async def test_what_is_filed_at_one_is_seen_at_both(cluster: Cluster, street: Cluster) -> None:
    async with connect(f"{only(cluster, 'identity', 'api').ip}:50051") as identity:
        login = identity_pb2.LoginWithPasswordRequest(login="admin", password=ADMIN_PASSWORD)
        session = (await identity_pb2_grpc.IdentityServiceStub(identity).LoginWithPassword(login)).session
    pages = []
    for where in (cluster, street):
        async with connect(f"{only(where, 'petition', 'api').ip}:50051") as petition:
            listing = petition_pb2.ListPetitionsRequest(district="210602", page_size=20)
            metadata = (*bearer(session.access_token), ("x-purpose", "test of tiers"))
            answer = await petition_pb2_grpc.PetitionServiceStub(petition).ListPetitions(listing, metadata=metadata)
            pages.append([each.name for each in answer.petitions])
    assert pages[0] == pages[1] != []


def test_a_namespace_admits_another_only_where_it_names_it(cluster: Cluster, street: Cluster) -> None:
    """The district names the street; the street names nobody."""
    of_street, of_district = (only(where, "checks", "sink") for where in (street, cluster))
    for name, port in (("onegrid-identity", 50051), ("data-postgresql", 5432), ("data-rabbitmq", 5672)):
        assert reaches(of_street, f"{name}.{NAMESPACE}", port), name
    assert reaches(of_street, "street-petition", 50051)
    assert not reaches(of_district, f"street-petition.{STREET}", 50051)


def test_metrics_say_of_which_release_and_namespace_they_are(cluster: Cluster, street: Cluster) -> None:
    for where, release in ((cluster, NAMESPACE), (street, STREET)):
        assert of_processes(only(where, "prometheus", "prometheus").ip) == {(release, release)}


def of_processes(prometheus: str) -> set[tuple[str, str]]:
    """Namespace and release of all processes of petition that a Prometheus has scraped."""
    query = quote('count by (namespace, release) (up{job="onegrid-petition"} == 1)')
    until = time.monotonic() + SCRAPED_S
    while True:
        with urlopen(f"http://{prometheus}:9090/api/v1/query?query={query}", timeout=10) as answer:
            found = [each["metric"] for each in json.load(answer)["data"]["result"]]
        if found or time.monotonic() > until:
            return {(each["namespace"], each["release"]) for each in found}
        time.sleep(1)
