-- The server behind this connection, and its clock.
-- returns: one
-- scope: system
-- not null: version, version_number, fsync, encoding, database_bytes
select
  current_setting('server_version') as version,
  current_setting('server_version_num')::int as version_number,
  clock_timestamp() as now,
  current_setting('fsync') = 'on' and current_setting('full_page_writes') = 'on'
    and current_setting('synchronous_commit') <> 'off' as fsync,
  current_setting('server_encoding') as encoding,
  pg_catalog.pg_database_size(current_database()) as database_bytes
