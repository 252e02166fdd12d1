"""Between the contract's messages, regradings, and how items did."""

from __future__ import annotations

from onegrid.partyedu.v1 import item_statistics_pb2, pools_pb2
from onegrid.partyedu.v1 import regradings_pb2 as pb
from onegrid_kit.timestamps import timestamp
from onegrid_partyedu.attempt import ATTEMPT
from onegrid_partyedu.attempt_messages import score
from onegrid_partyedu.item import ItemRevision
from onegrid_partyedu.item_analysis import ItemFigures
from onegrid_partyedu.member import MEMBER
from onegrid_partyedu.quiz import QUIZ
from onegrid_partyedu.quiz_messages import item_ref
from onegrid_partyedu.regrading import Change, ItemCorrection, Regrading

__all__ = ["change", "item_correction", "item_statistics", "regrading"]


def regrading(of: Regrading) -> pb.Regrading:
    """The regrading as a message."""
    return pb.Regrading(
        name=of.name,
        quiz=QUIZ.name(of.quiz),
        corrections=[
            pb.ItemCorrection(item=each.ref.name, revision=each.revision, key_revision=each.key_revision)
            for each in of.corrections
        ],
        state=of.state,
        attempts=of.attempts,
        changed=of.changed,
        raised=of.raised,
        lowered=of.lowered,
        newly_passed=of.newly_passed,
        newly_failed=of.newly_failed,
        create_time=timestamp(of.create_time),
        end_time=timestamp(of.end_time),
        etag=of.etag,
    )


def item_correction(asked: pb.ItemCorrection) -> ItemCorrection:
    """The correction that is asked for."""
    return ItemCorrection(item_ref(asked.item), asked.revision, asked.key_revision)


def change(of: Change) -> pb.RegradingChange:
    """The change as a message."""
    return pb.RegradingChange(
        attempt=ATTEMPT.name(of.attempt), member=MEMBER.name(of.member), before=score(of.before), after=score(of.after)
    )


def item_statistics(of: ItemFigures, item: ItemRevision) -> item_statistics_pb2.ItemStatistics:
    """How an item did, as a message, with the options in the order in which they were written."""
    options = () if item.kind == pools_pb2.ItemKind.ITEM_KIND_ORDERING else item.option_ids
    return item_statistics_pb2.ItemStatistics(
        item=of.ref.name,
        revision=of.revision,
        kind=item.kind,
        shown=of.shown,
        answered=of.answered,
        facility_percent=of.facility,
        discrimination_hundredths=of.discrimination,
        options=[item_statistics_pb2.OptionStatistics(id=id_, chosen=of.chosen.get(id_, 0)) for id_ in options],
    )
