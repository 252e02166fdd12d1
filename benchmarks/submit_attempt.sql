-- What one SubmitAttempt stores, in one transaction, as if its score were known: the limit that it is measured against.
\set n random(1, 11020)
\set m random(1, 1000000000)
\set block random(1, 1000000000)
BEGIN;
UPDATE quiz_attempt SET version = version + 1, state = 2, end_time = now(), hundredths = 5000, most = 10000, passed = true,
  worth = array_fill(100, ARRAY[50])
WHERE district = '210602' AND id = '210602-' || lpad(:n::text, 19, '0');
UPDATE climb SET rung = 2, due_time = now(), attempts = 0, retry_time = NULL, error = '', revision = DEFAULT
WHERE kind = 'attempt' AND subject = 'attempts/210602-' || lpad(:n::text, 19, '0');
INSERT INTO audit_block (strand, block, hash) VALUES (100, :m::bigint * 1000000000 + :block, 'thirty-two bytes, as SHA-256 has');
INSERT INTO audit_entry (strand, block, position, time, caller, method, resource, request_id, purpose)
VALUES (100, :m::bigint * 1000000000 + :block, 0, now(), 'users/' || lpad(:n::text, 20, '0'),
        'onegrid.partyedu.v1.PartyeduService.SubmitAttempt', 'attempts/210602-' || lpad(:n::text, 19, '0'), '', '');
COMMIT;
