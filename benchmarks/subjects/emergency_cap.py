"""How long it takes from a message of CAP, whose polygons have 100 points, to its committed cells: in a district of
1,035 cells, one message at a time.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

import grpc

from benchmarks.comparing import Figure, percentile
from benchmarks.platform import Platform
from onegrid.emergency.v1 import warnings_pb2 as pb
from onegrid_demo import district

_METHOD: Final = "/onegrid.emergency.v1.EmergencyService/ReceiveWarning"
_MESSAGES: Final = 1_000
_UNMEASURED: Final = 50
_POINTS: Final = 100
_BAR_MS: Final = 50
_ALERT: Final = """<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">
<identifier>{number}</identifier><sender>bench@example.cn</sender><sent>{sent}</sent><status>Actual</status>
<msgType>Alert</msgType><scope>Public</scope><info><language>zh-CN</language><category>Met</category><event>暴雨</event>
<urgency>Expected</urgency><severity>Severe</severity><certainty>Likely</certainty><headline>暴雨橙色预警</headline>
<description>预计六小时内降雨量将达五十毫米以上。</description>
<area><areaDesc>元宝区</areaDesc><polygon>{polygon}</polygon></area></info></alert>"""


def measure(platform: Platform) -> Iterator[Figure]:
    """Polygons from a few cells to most of the district, each message a warning of its own that is announced."""
    sent = datetime.now(UTC).isoformat(timespec="seconds")
    metadata = (("authorization", f"Bearer {platform.tokens['gateway']}"),)
    latencies, cells = [], 0
    with grpc.insecure_channel(f"127.0.0.1:{platform.warnings.port}") as channel:
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(_METHOD)
        for number in range(_UNMEASURED + _MESSAGES):
            document = _ALERT.format(number=number, sent=sent, polygon=_polygon(number))
            request = pb.ReceiveWarningRequest(district=district.CODE, document=document.encode()).SerializeToString()
            began = time.perf_counter()
            answer = call(request, metadata=metadata, timeout=10)
            if number >= _UNMEASURED:
                latencies.append((time.perf_counter() - began) * 1000)
            cells += bool(pb.ReceiveWarningResponse.FromString(answer).message.warnings)
    if cells < _UNMEASURED + _MESSAGES:
        raise SystemExit(f"only {cells} messages became warnings")
    yield Figure("emergency_cap.p50_ms", round(percentile(latencies, 0.5), 1))
    yield Figure("emergency_cap.p99_ms", round(percentile(latencies, 0.99), 1), _BAR_MS, least=False)


def _polygon(number: int) -> str:
    """A jagged ring around a cell, of one to eight kilometres."""
    all_cells = district.cells()
    east, north = all_cells[number * 37 % len(all_cells)].corners[0]
    size = 0.01 * (1 + number % 8)
    points = []
    for step in range(_POINTS - 1):
        angle, radius = 2 * math.pi * step / (_POINTS - 1), size * (1 - 0.2 * (step % 2))
        points.append(f"{north + radius * math.sin(angle):.6f},{east + radius * math.cos(angle):.6f}")
    return " ".join([*points, points[0]])
