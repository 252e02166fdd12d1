-- What one batch of 100 statements stores, in one transaction, as if it were known: the limit that it is measured against.
-- Keys are as many and as different as those of our batches; the sealed statements have their length.
\set m random(1, 1000000000)
\set block random(1, 1000000000)
BEGIN;
WITH added AS (
  INSERT INTO statement (district, stored, id, authority, voiding, voided, sealed)
  SELECT '210602', now(), gen_random_uuid(), 1, false, false, convert_to(repeat('s', 1000), 'UTF8')
  FROM generate_series(1, 100)
  RETURNING stored, number
)
INSERT INTO statement_key (district, key, stored, number, origin)
SELECT '210602', key, stored, number, number FROM added CROSS JOIN LATERAL (VALUES
  (1),
  (hashint8extended(number % 7, 1)),
  (hashint8extended(number % 500, 2)),
  (hashint8extended(number % 50, 3)),
  (hashint8extended(number * 7919 % 11020, 4)),
  (hashint8extended(number * 7919 % 20000, 5))
) AS keys (key);
INSERT INTO audit_block (strand, block, hash) VALUES (100, :m::bigint * 1000000000 + :block, 'thirty-two bytes, as SHA-256 has');
INSERT INTO audit_entry (strand, block, position, time, caller, method, resource, request_id, purpose)
VALUES (100, :m::bigint * 1000000000 + :block, 0, now(), 'users/00000000000000gateway', 'POST /xapi/statements', 'districts/210602', '', '');
COMMIT;
