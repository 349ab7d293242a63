-- Removes what was mailed to an address, by its keyed hashes, whoever it was for.
-- returns: count
-- scope: tenant
delete from app.mail where organization_id = :organization_id and address_hash = any(:address_hashes::bytea[])
