-- Writes a person's profile whole.
-- returns: count
-- scope: tenant
-- nullable: :bio, :date_of_birth, :phone, :website, :code_url, :professional_url
insert into app.profile (organization_id, user_id, bio, date_of_birth, phone, website, code_url, professional_url, skills, interests)
values (:organization_id, :user_id, :bio, :date_of_birth, :phone, :website, :code_url, :professional_url, :skills::text[], :interests::text[])
on conflict (organization_id, user_id) do update
set bio = excluded.bio, date_of_birth = excluded.date_of_birth, phone = excluded.phone, website = excluded.website,
  code_url = excluded.code_url, professional_url = excluded.professional_url, skills = excluded.skills,
  interests = excluded.interests
