"""A petition, what a patrol noticed, what a round or an inspection found, and its incident know one another, and
emergency where patrols are, over all services together.
"""

from __future__ import annotations

from onegrid.border.v1 import border_service_pb2 as border_pb
from onegrid.border.v1.observations_pb2 import Observation
from onegrid.border.v1.resources_pb2 import Inspection
from onegrid.common.v1.common_pb2 import Point
from onegrid.emergency.v1 import emergency_service_pb2 as emergency_pb
from onegrid.emergency.v1 import incident_methods_pb2 as steps
from onegrid.emergency.v1.relief_pb2 import LocatedPatrolUnit, LocateResourcesRequest, LocateResourcesResponse
from onegrid.emergency.v1.resources_pb2 import Incident, IncidentKind, IncidentState, Source
from onegrid.grid.v1 import grid_service_pb2 as grid_pb
from onegrid.grid.v1.findings_pb2 import Finding
from onegrid.petition.v1 import petition_service_pb2 as pb
from onegrid.petition.v1.resources_pb2 import Action, IncidentLink, Kind, Petition, State
from onegrid_kit.testing.waiting import eventually

from .acting import DISTRICT, filed
from .border import defect, observation, underway
from .calling import District
from .rounds import finding


def petition_of(district: District, name: str) -> Petition:
    return district.do(pb.GetPetitionRequest(name=name), "commander", pb.GetPetitionResponse).petition


def incident_of(district: District, name: str) -> Incident:
    request = emergency_pb.GetIncidentRequest(name=name)
    return district.do(request, "commander", emergency_pb.GetIncidentResponse).incident


def test_a_petition_follows_its_incident_from_report_to_all_clear(district: District) -> None:
    name = filed(district).name
    kind = IncidentKind.INCIDENT_KIND_ACCIDENT
    request = pb.ReportEmergencyRequest(name=name, incident_kind=kind)
    district.do(request, "commander", pb.ReportEmergencyResponse)
    eventually(lambda: petition_of(district, name).HasField("incident"))
    link = petition_of(district, name).incident
    (report,) = incident_of(district, link.incident).reports
    assert (report.source, report.source_name) == (Source.SOURCE_PETITION, name)

    respond = steps.RespondToIncidentRequest(name=link.incident)
    district.do(respond, "commander", steps.RespondToIncidentResponse)
    clear = steps.DeclareAllClearRequest(name=link.incident)
    district.do(clear, "commander", steps.DeclareAllClearResponse)
    over = IncidentLink(incident=link.incident, state=IncidentState.INCIDENT_STATE_ALL_CLEAR)
    eventually(lambda: petition_of(district, name).incident == over)
    listing = pb.ListTimelineRequest(petition=name)
    entries = district.do(listing, "commander", pb.ListTimelineResponse).entries
    assert [entry.action for entry in entries] == [
        Action.ACTION_FILE,
        Action.ACTION_REPORT_EMERGENCY,
        Action.ACTION_TRACK_INCIDENT,
        Action.ACTION_TRACK_INCIDENT,
    ]
    assert entries[-1].incident == over


def observation_of(district: District, name: str) -> Observation:
    request = border_pb.GetObservationRequest(name=name)
    return district.do(request, "commander", border_pb.GetObservationResponse).observation


def test_an_observation_follows_its_incident_from_report_to_all_clear(district: District) -> None:
    seen = observation(district)
    request = border_pb.EscalateObservationRequest(name=seen.name)
    district.do(request, "commander", border_pb.EscalateObservationResponse)
    eventually(lambda: bool(observation_of(district, seen.name).incident))
    name = observation_of(district, seen.name).incident
    incident = incident_of(district, name)
    (report,) = incident.reports
    assert (report.source, report.source_name) == (Source.SOURCE_PATROL, seen.name)
    assert (report.location, incident.kind) == (seen.location, IncidentKind.INCIDENT_KIND_NATURAL_DISASTER)

    district.do(steps.RespondToIncidentRequest(name=name), "commander", steps.RespondToIncidentResponse)
    district.do(steps.DeclareAllClearRequest(name=name), "commander", steps.DeclareAllClearResponse)
    over = IncidentState.INCIDENT_STATE_ALL_CLEAR
    eventually(lambda: observation_of(district, seen.name).incident_state == over)
    assert observation_of(district, seen.name).incident == name


def finding_of(district: District, name: str) -> Finding:
    request = grid_pb.GetFindingRequest(name=name)
    return district.do(request, "commander", grid_pb.GetFindingResponse).finding


def test_a_finding_follows_its_incident(district: District) -> None:
    found = finding(district)
    request = grid_pb.EscalateFindingRequest(name=found.name)
    district.do(request, "commander", grid_pb.EscalateFindingResponse)
    eventually(lambda: bool(finding_of(district, found.name).incident))
    name = finding_of(district, found.name).incident
    incident = incident_of(district, name)
    (report,) = incident.reports
    assert (report.source, report.source_name) == (Source.SOURCE_INSPECTION, found.name)
    assert (incident.place, incident.kind) == (found.place, IncidentKind.INCIDENT_KIND_ACCIDENT)

    dismiss = steps.DismissIncidentRequest(name=name, reason="误报")
    district.do(dismiss, "commander", steps.DismissIncidentResponse)
    over = IncidentState.INCIDENT_STATE_DISMISSED
    eventually(lambda: finding_of(district, found.name).incident_state == over)


def test_a_finding_and_its_petition_name_one_another(district: District) -> None:
    found = finding(district)
    request = grid_pb.TransferFindingRequest(name=found.name, note="请物业清理。")
    district.do(request, "commander", grid_pb.TransferFindingResponse)
    eventually(lambda: bool(finding_of(district, found.name).petition))
    petition = petition_of(district, finding_of(district, found.name).petition)
    assert (petition.origin, petition.place, petition.kind) == (found.name, found.place, Kind.KIND_REPORT)
    assert petition.text == "【消防隐患】请物业清理。\n\n楼道堆放杂物"


def test_a_unit_on_patrol_is_found_near_an_emergency(district: District) -> None:
    patrol = underway(district)
    here = Point(longitude=124.391, latitude=40.12)
    # What other tests have out may be as near.
    request = LocateResourcesRequest(place=DISTRICT, location=here, patrol_units=True, limit=100)

    def found() -> dict[str, LocatedPatrolUnit]:
        answer = district.do(request, "commander", LocateResourcesResponse)
        return {each.name: each for each in answer.patrol_units}

    eventually(lambda: patrol.unit in found())
    unit = found()[patrol.unit]
    assert (unit.patrol, unit.display_name, round(unit.distance_m)) == (patrol.name, "江桥分队", 85)


def inspection_of(district: District, name: str) -> Inspection:
    request = border_pb.ListInspectionsRequest(asset=name.partition("/inspections/")[0])
    (found,) = district.do(request, "commander", border_pb.ListInspectionsResponse).inspections
    return found


def test_a_defect_follows_its_petition_and_its_incident(district: District) -> None:
    name = defect(district)
    district.do(border_pb.RequestRepairRequest(name=name), "commander", border_pb.RequestRepairResponse)
    district.do(border_pb.EscalateInspectionRequest(name=name), "commander", border_pb.EscalateInspectionResponse)
    eventually(lambda: bool(inspection_of(district, name).petition and inspection_of(district, name).incident))
    found = inspection_of(district, name)
    (report,) = incident_of(district, found.incident).reports
    assert (report.source, report.source_name) == (Source.SOURCE_INSPECTION, name)
    petition = petition_of(district, found.petition)
    assert (petition.origin, found.petition_state) == (name, State.STATE_FILED)

    close = pb.ClosePetitionRequest(name=petition.name, public_note="已修复。")
    district.do(close, "commander", pb.ClosePetitionResponse)
    dismiss = steps.DismissIncidentRequest(name=found.incident, reason="已修复")
    district.do(dismiss, "commander", steps.DismissIncidentResponse)
    eventually(lambda: inspection_of(district, name).petition_state == State.STATE_CLOSED)
    eventually(lambda: inspection_of(district, name).incident_state == IncidentState.INCIDENT_STATE_DISMISSED)
