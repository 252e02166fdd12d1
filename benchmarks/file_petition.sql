-- What one FilePetition stores, in one transaction: the limit that it is measured against.
\set n random(1, 1000000000)
\set m random(1, 1000000000)
BEGIN;
INSERT INTO idempotency (caller, request_id, method, fingerprint, answer)
VALUES ('users/0123456789abcdefghij', lpad(:n::text, 10, '0') || '-4000-8000-' || lpad(:m::text, 15, '0'), 'onegrid.petition.v1.PetitionService.FilePetition', 'sixteen bytes...',
        convert_to(repeat('a', 316), 'UTF8'));
INSERT INTO petition (
  district, id, sequence, kind, state, text, petitioner, petitioner_kind, organization, anonymous, contact_phone, place, longitude,
  latitude, address, grid_worker, attachments, work_item, responsible, reopen_count, accept_due_time, create_time, update_time,
  end_reason)
VALUES ('210602', '210602-20201111-' || :n || :m, 1, 1, 1, '儿童中心近期招不到保育员和教师，影响开班，请帮忙协调用工。',
        'users/0123456789abcdefghij', 2, '', false, NULL, '210602003007005', 124.4, 40.14, '朝凤社区儿童中心',
        '', '[]', '', '210602003007', 0, now(), now(), now(), '');
INSERT INTO timeline (
  district, petition, sequence, time, action, actor, office, office_display_name, state, assignees, public_note, internal_note, stars)
VALUES ('210602', '210602-20201111-' || :n || :m, 1, now(), 1, 1, '', '', 1, '{}', '', '', 0);
INSERT INTO outbox (id, type, subject, time, traceparent, body)
VALUES (gen_random_uuid(), 'onegrid.petition.v1.PetitionFiled', 'petitions/210602-20201111-7KX3M9QF', now(),
        '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00', convert_to(repeat('b', 118), 'UTF8'));
INSERT INTO audit_block (strand, block, hash) VALUES (100, :n::bigint * 1000000000 + :m, 'thirty-two bytes, as SHA-256 has');
INSERT INTO audit_entry (strand, block, position, time, caller, method, resource, request_id, purpose)
VALUES (100, :n::bigint * 1000000000 + :m, 0, now(), 'users/0123456789abcdefghij',
        'onegrid.petition.v1.PetitionService.FilePetition', 'petitions/210602-20201111-7KX3M9QF', lpad(:n::text, 10, '0') || '-4000-8000-' || lpad(:m::text, 15, '0'), '');
COMMIT;
