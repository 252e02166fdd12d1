-- What one SaveAnswer stores, in one transaction: the limit that it is measured against.
\set n random(1, 11020)
\set m random(2, 2000000000)
\set block random(1, 1000000000)
BEGIN;
UPDATE quiz_attempt SET sequences[49] = :m, version = version + 1
WHERE district = '210602' AND id = '210602-' || lpad(:n::text, 19, '0');
INSERT INTO attempt_save (district, attempt, slot, sequence, answer, number, time)
VALUES ('210602', '210602-' || lpad(:n::text, 19, '0'), 49, :m, 'ABD', 50, now());
INSERT INTO audit_block (strand, block, hash) VALUES (100, :m::bigint * 1000000000 + :block, 'thirty-two bytes, as SHA-256 has');
INSERT INTO audit_entry (strand, block, position, time, caller, method, resource, request_id, purpose)
VALUES (100, :m::bigint * 1000000000 + :block, 0, now(), 'users/' || lpad(:n::text, 20, '0'),
        'onegrid.partyedu.v1.PartyeduService.SaveAnswer', 'attempts/210602-' || lpad(:n::text, 19, '0'), '', '');
COMMIT;
