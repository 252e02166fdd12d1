-- What one reservation changes of the shelter, in a transaction of its own: the limit of one row that all want.
UPDATE capacity SET reserved = reserved + 1
WHERE district = '210602' AND resource = 'shelters/210602-school' AND reserved < total;
