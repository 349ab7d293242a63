-- What is taught. The organization's own numbering (source_id) makes importing the same book twice harmless.

create table app.content (
  like template.tenant,
  content_id uuid not null default app.uuidv7(),
  like template.timestamps including defaults,
  like template.audit including defaults including constraints,
  like template.soft_delete including constraints,
  source_id text constraint content_source_id_length check (char_length(source_id) between 1 and 200),
  title text not null constraint content_title_length check (char_length(title) between 1 and 300),
  slug text not null constraint content_slug_form check (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$' and char_length(slug) <= 200),
  description text not null default '' constraint content_description_length check (char_length(description) <= 5000),
  body text not null default '' constraint content_body_length check (octet_length(body) <= 4194304),
  content_type text not null default 'lesson'
    constraint content_type check (content_type in ('lesson', 'tutorial', 'exercise', 'quiz', 'project', 'reference')),
  difficulty_level text not null default 'beginner'
    constraint content_difficulty_level check (difficulty_level in ('beginner', 'intermediate', 'advanced', 'expert')),
  status text not null default 'draft'
    constraint content_status check (status in ('draft', 'pending_review', 'approved', 'rejected', 'published', 'archived')),
  language text not null default 'en' constraint content_language_form check (language ~ '^[a-z]{2,10}(-[A-Za-z0-9]{1,8})*$'),
  tags text[] not null default '{}' constraint content_tags_count check (cardinality(tags) <= 100),
  prerequisites text[] not null default '{}' constraint content_prerequisites_count check (cardinality(prerequisites) <= 100),
  learning_objectives text[] not null default '{}'
    constraint content_learning_objectives_count check (cardinality(learning_objectives) <= 100),
  -- json, not jsonb: a document comes back with its keys in the order in which they were written.
  metadata json not null default '{}' constraint content_metadata_object check (json_typeof(metadata) = 'object'),
  settings json not null default '{}' constraint content_settings_object check (json_typeof(settings) = 'object'),
  estimated_duration_minutes integer
    constraint content_estimated_duration_range check (estimated_duration_minutes between 1 and 100000),
  published_at timestamptz,
  reviewed_at timestamptz,
  reviewed_by_id uuid,
  constraint content_pkey primary key (organization_id, content_id),
  constraint content_published_time check ((status = 'published') = (published_at is not null)),
  constraint content_organization_fkey foreign key (organization_id) references app.organization,
  constraint content_created_by_fkey foreign key (organization_id, created_by_id) references app.user on delete set null (created_by_id),
  constraint content_updated_by_fkey foreign key (organization_id, updated_by_id) references app.user on delete set null (updated_by_id),
  constraint content_deleted_by_fkey foreign key (organization_id, deleted_by_id) references app.user on delete set null (deleted_by_id),
  constraint content_reviewed_by_fkey foreign key (organization_id, reviewed_by_id) references app.user on delete set null (reviewed_by_id)
);
comment on table app.content is 'A lesson, tutorial, exercise, quiz, project or reference in its latest version.';
-- Only live rows compete for a slug; a deleted one, and the earlier versions kept in app.history, may share it.
create unique index content_slug_unique on app.content (organization_id, slug) where deleted_at is null;
create unique index content_source_unique on app.content (organization_id, source_id) where deleted_at is null;
create index content_live on app.content (organization_id, content_id) where deleted_at is null;
create index content_published on app.content (organization_id, content_id) where status = 'published' and deleted_at is null;
create index content_created_by on app.content (organization_id, created_by_id);
create index content_updated_by on app.content (organization_id, updated_by_id);
create index content_deleted_by on app.content (organization_id, deleted_by_id);
create index content_reviewed_by on app.content (organization_id, reviewed_by_id);
call app.protect('app.content');
call app.audit('app.content', 'content_id');
call app.tag(
  'app.content', 'none', 'content_id', 'source_id', 'slug', 'description', 'body', 'content_type', 'difficulty_level', 'status',
  'language', 'tags', 'prerequisites', 'learning_objectives', 'metadata', 'settings', 'estimated_duration_minutes',
  'published_at', 'reviewed_at'
);
call app.tag('app.content', 'none, label', 'title');
call app.tag('app.content', 'personal, reference', 'reviewed_by_id');
grant select, insert, update on app.content to satchel_request;
