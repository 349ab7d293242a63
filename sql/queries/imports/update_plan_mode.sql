-- Has what follows in this transaction planned with the values it is sent. A kept plan would compare everybody with each
-- of five hundred keys, one after the other; keys that are known when it is planned are hashed, or looked up.
-- returns: one
-- scope: tenant
-- not null: mode
select set_config('plan_cache_mode', 'force_custom_plan', true) as mode
