"""The demonstration's columns and articles are those of the real app in kind and number."""

from collections import Counter

from onegrid_demo import content, district

OFFICES = {district.CODE, *(department.code for department in district.DEPARTMENTS)}


def test_there_are_four_sections_with_27_columns() -> None:
    columns = content.columns()
    sections = [column for column in columns if not column.parent]
    assert [section.display_name for section in sections] == ["智慧党建", "营商环境", "便民服务", "诉求办理"]
    assert len(columns) - len(sections) == 27
    assert len({column.name for column in columns}) == len({column.display_name for column in columns}) == 31


def test_every_column_stands_in_a_section_that_comes_before_it() -> None:
    seen: set[str] = set()
    for column in content.columns():
        assert column.parent in ("", *seen)
        if not column.parent:
            seen.add(column.name)


def test_records_are_pushed_by_offices_that_there_are() -> None:
    assert {column.owner for column in content.columns()} <= {"", *OFFICES}


def test_each_section_has_an_article_and_each_article_a_column() -> None:
    section_of = {column.name: column.parent for column in content.columns()}
    articles = content.articles()
    assert {section_of[article.column] for article in articles} == set(section_of.values()) - {""}
    assert {article.owner for article in articles} <= OFFICES
    assert max(Counter(article.title for article in articles).values()) == 1
