"""Whom an article is for, and what is for a reader: the condition on which a selector `s` and a membership `m` match.

All that counts, lists, shows, streams or materialises puts its statement together from these fragments, so that they
can not disagree:

- from the article's side, `FROM selector s JOIN membership m ON {MEMBERS}`: reads the memberships of an index range;
- from the reader's side, `FROM membership m {ANCESTORS} JOIN selector s ON {SELECTORS}`, or the same as a LATERAL
  subquery with ORDER BY s.publish_time DESC, s.article DESC and LIMIT: reads the selectors of at most four codes.

- for certain people, or for all in the order of their names, `FROM membership m WHERE m.district = … AND m.user_name …
  AND EXISTS (SELECT FROM selector s WHERE s.district = … AND s.article = … AND {MEMBERS})`: reads their memberships.

One person can match an article by several memberships and several selectors: DISTINCT. What is scheduled matches, too:
where it must have appeared, ask for `s.publish_time <= now`.
"""

from __future__ import annotations

from typing import Final

__all__ = ["ANCESTORS", "DESCRIBES", "MEMBERS", "SELECTORS", "WITHIN"]

DESCRIBES: Final = """
  m.begin_time <= s.publish_time AND s.publish_time < m.end_time
  AND (cardinality(s.kinds) = 0 OR m.kind = ANY (s.kinds))
  AND CASE WHEN cardinality(s.oa_levels) = 0 AND cardinality(s.roles) = 0 THEN m.role = ''
      ELSE m.role <> ''
           AND (cardinality(s.oa_levels) = 0 OR m.oa_level = ANY (s.oa_levels))
           AND (cardinality(s.roles) = 0 OR m.role = ANY (s.roles))
      END
  AND (cardinality(s.groups) = 0 OR EXISTS (
    SELECT FROM group_member AS i
    WHERE i.district = s.district AND i.user_name = m.user_name AND i.group_id = ANY (s.groups)
      AND i.begin_time <= s.publish_time AND s.publish_time < i.end_time))
  AND (cardinality(s.columns) = 0 OR EXISTS (
    SELECT FROM subscription AS i
    WHERE i.district = s.district AND i.user_name = m.user_name AND i.column_id = ANY (s.columns)
      AND i.begin_time <= s.publish_time AND s.publish_time < i.end_time))
  AND (NOT s.of_party OR EXISTS (
    SELECT FROM party_member AS i
    WHERE i.district = s.district AND i.user_name = m.user_name
      AND i.begin_time <= s.publish_time AND s.publish_time < i.end_time
      AND (cardinality(s.member_states) = 0 OR i.state = ANY (s.member_states))
      AND CASE WHEN cardinality(s.posts) = 0
          THEN cardinality(s.organizations) = 0 OR EXISTS (
            SELECT FROM party_line AS l
            WHERE l.district = i.district AND l.organization = i.organization AND l.above = ANY (s.organizations)
              AND l.begin_time <= s.publish_time AND s.publish_time < l.end_time)
          ELSE EXISTS (
            SELECT FROM party_post AS h
            WHERE h.district = i.district AND h.member = i.member AND h.post = ANY (s.posts)
              AND h.begin_time <= s.publish_time AND s.publish_time < h.end_time
              AND (cardinality(s.organizations) = 0 OR EXISTS (
                SELECT FROM party_line AS l
                WHERE l.district = h.district AND l.organization = h.organization AND l.above = ANY (s.organizations)
                  AND l.begin_time <= s.publish_time AND s.publish_time < l.end_time)))
          END))
"""
"""What else a selector asks of a membership in its place."""
# Containment is a prefix test. Codes are made of digits and D: all that begin with one lie before that one with ~.
WITHIN: Final = "m.district = s.district AND m.code >= s.code AND m.code < s.code || '~'"
"""Joins to `s` the memberships in its place."""
MEMBERS: Final = f"{WITHIN} AND {DESCRIBES}"
"""Joins to `s` the memberships that it describes."""
ANCESTORS: Final = """
  CROSS JOIN LATERAL (SELECT DISTINCT left(m.code, length) AS code FROM unnest(ARRAY[6, 9, 12, 15]) AS length) AS a
"""
"""Joins to `m` the codes `a` of what it lies in, its own among them."""
SELECTORS: Final = f"s.district = m.district AND s.code = a.code AND {DESCRIBES}"
"""Joins to `m` and `a` the selectors that describe it."""
