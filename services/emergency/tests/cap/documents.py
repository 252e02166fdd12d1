"""Messages of CAP as others write them."""

from __future__ import annotations

from datetime import datetime, timedelta

__all__ = ["CELL_POLYGON", "SENDER", "SENT", "area", "document", "info", "later", "national", "reference"]

SENDER = "weather@example.cn"
SENT = "2020-11-11T06:00:00+08:00"
CELL_POLYGON = "40.12,124.42 40.12,124.48 40.18,124.48 40.18,124.42 40.12,124.42"
"""Inside of the cell that the tests have between 124.4 and 124.5 degrees east."""


def area(*shapes: str) -> str:
    """An area with these shapes."""
    return f"<area><areaDesc>江沿街道</areaDesc>{''.join(shapes)}</area>"


def info(
    *,
    severity: str = "Severe",
    headline: str = "暴雨橙色预警",
    expires: str | None = "2020-11-12T06:00:00+08:00",
    areas: str = area(f"<polygon>{CELL_POLYGON}</polygon>"),
    language: str = "zh-CN",
) -> str:
    """What a weather service says."""
    return f"""<info>
    <language>{language}</language>
    <category>Met</category>
    <event>暴雨</event>
    <responseType>Shelter</responseType>
    <urgency>Expected</urgency>
    <severity>{severity}</severity>
    <certainty>Likely</certainty>
    <eventCode><valueName>profile:CAP-CN:0.1</valueName><value>rainfall</value></eventCode>
    <effective>2020-11-11T06:00:00+08:00</effective>
    <onset>2020-11-11T09:00:00+08:00</onset>
    {f"<expires>{expires}</expires>" if expires else ""}
    <senderName>丹东市气象台</senderName>
    <headline>{headline}</headline>
    <description>预计未来六小时内降雨量将达五十毫米以上。</description>
    <instruction>减少外出，远离江堤。</instruction>
    <web>https://weather.example.cn/alerts/1</web>
    <parameter><valueName>ColorCode</valueName><value>ORANGE</value></parameter>
    {areas}
  </info>"""


def document(
    message_type: str = "Alert",
    identifier: str = "urn:oid:2.49.0.1.156.0.2020.11.11.1",
    *,
    sender: str = SENDER,
    sent: str = SENT,
    status: str = "Actual",
    scope: str = "Public",
    references: str = "",
    inside: str = "",
    says: str | None = None,
) -> bytes:
    """A message."""
    said = info() if says is None and message_type in ("Alert", "Update") else says or ""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">
  <identifier>{identifier}</identifier>
  <sender>{sender}</sender>
  <sent>{sent}</sent>
  <status>{status}</status>
  <msgType>{message_type}</msgType>
  <scope>{scope}</scope>
  {inside}
  {f"<references>{references}</references>" if references else ""}
  {said}
</alert>""".encode()


def reference(identifier: str, sent: str = SENT, sender: str = SENDER) -> str:
    """What Updates and Cancels refer by."""
    return f"{sender},{identifier},{sent}"


def later(minutes: int) -> str:
    """A moment after the first message."""
    return (datetime.fromisoformat(SENT) + timedelta(minutes=minutes)).isoformat()


def national(severity: str = "Red") -> bytes:
    """The same alert in China's dialect."""
    return f"""<?xml version="1.0" encoding="utf-8" standalone="yes"?>
<alert xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
  <identifier>21060041600000_20201111060000</identifier>
  <sender>丹东市气象局</sender>
  <senderCode>21060041600000</senderCode>
  <sendTime>2020-11-11 06:00:00+08:00</sendTime>
  <status>Actual</status>
  <msgType>Alert</msgType>
  <scope>Public</scope>
  <code><method>SMS</method><method>APP</method></code>
  <secClassification>None</secClassification>
  <note/>
  <references/>
  <info>
    <language>zh-CN</language>
    <eventType>11B03</eventType>
    <urgency>Unknown</urgency>
    <severity>{severity}</severity>
    <certainty>Unknown</certainty>
    <effective>2020-11-11 06:00:00</effective>
    <onset/>
    <expires/>
    <senderName/>
    <headline>丹东市气象台发布暴雨红色预警</headline>
    <description>三小时内降雨量将达一百毫米以上。</description>
    <instruction>停止户外作业。</instruction>
    <web/>
    <resource><resourceDesc/><size/><uri/><derefUri/><digest/></resource>
    <area>
      <areaDesc>元宝区</areaDesc>
      <polygon/>
      <circle/>
      <geocode>210602000000</geocode>
    </area>
  </info>
</alert>""".encode()
