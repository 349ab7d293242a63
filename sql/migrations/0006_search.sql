-- The search index, kept apart from the lessons: writing a lesson must not wait for its words to be indexed, and the
-- narrow role that may read this table across row-level security must find nothing in it but words.

-- Under a policy the planner may use an index only for leakproof operators, and `@@` is not one (30 ms against 0.9 ms
-- on 200,000 rows). So one function, owned by a role that sees this table alone, finds the candidates by the index,
-- and the caller joins them back to app.content, where the policy has the last word.

create function app.search_configuration(language text) returns regconfig
language sql immutable parallel safe
return case split_part(language, '-', 1)
  when 'ar' then 'pg_catalog.arabic'::regconfig
  when 'hy' then 'pg_catalog.armenian'::regconfig
  when 'eu' then 'pg_catalog.basque'::regconfig
  when 'ca' then 'pg_catalog.catalan'::regconfig
  when 'da' then 'pg_catalog.danish'::regconfig
  when 'nl' then 'pg_catalog.dutch'::regconfig
  when 'en' then 'pg_catalog.english'::regconfig
  when 'fi' then 'pg_catalog.finnish'::regconfig
  when 'fr' then 'pg_catalog.french'::regconfig
  when 'de' then 'pg_catalog.german'::regconfig
  when 'el' then 'pg_catalog.greek'::regconfig
  when 'hi' then 'pg_catalog.hindi'::regconfig
  when 'hu' then 'pg_catalog.hungarian'::regconfig
  when 'id' then 'pg_catalog.indonesian'::regconfig
  when 'ga' then 'pg_catalog.irish'::regconfig
  when 'it' then 'pg_catalog.italian'::regconfig
  when 'lt' then 'pg_catalog.lithuanian'::regconfig
  when 'ne' then 'pg_catalog.nepali'::regconfig
  when 'no' then 'pg_catalog.norwegian'::regconfig
  when 'nb' then 'pg_catalog.norwegian'::regconfig
  when 'nn' then 'pg_catalog.norwegian'::regconfig
  when 'pt' then 'pg_catalog.portuguese'::regconfig
  when 'ro' then 'pg_catalog.romanian'::regconfig
  when 'ru' then 'pg_catalog.russian'::regconfig
  when 'sr' then 'pg_catalog.serbian'::regconfig
  when 'es' then 'pg_catalog.spanish'::regconfig
  when 'sv' then 'pg_catalog.swedish'::regconfig
  when 'ta' then 'pg_catalog.tamil'::regconfig
  when 'tr' then 'pg_catalog.turkish'::regconfig
  when 'yi' then 'pg_catalog.yiddish'::regconfig
  else 'pg_catalog.simple'::regconfig
end;
comment on function app.search_configuration(text) is
  'The text search configuration of a language (ISO 639-1): how its words are stemmed. `simple` where there is none.';

-- To PostgreSQL's parser everything beyond ASCII is a letter where the database's character type is C, as in the embedded
-- one: “loop” would be another word than loop, and ¿qué than qué. So what typography puts around words is taken away
-- before the parser sees it. The marks that are common in lessons become control characters, from which they are brought
-- back for a snippet.
create function app.plain_punctuation(words text) returns text
language sql immutable parallel safe
return translate(
  words,
  U&'\0001\0002\0003\0004\0005\0006\0007\0008\000B\000C\000E\000F\0010\0011'
    || U&'\0012\0013\0014\0015\0016\0017\0018\0019\001A\001B\001C\001D\001E\001F'
    || '“”‘’«»–—…¿¡−→×÷°·±′•≤≥≠≈∞∑∫√'
    || U&'\00AD\200B\200E\200F\202A\202B\202C\202D\202E\2060\2066\2067\2068\2069\FEFF\E000\E001',
  repeat(' ', 28)
    || U&'\0001\0002\0003\0004\0005\0006\0007\0008\000B\000C\000E\000F\0010\0011'
    || U&'\0012\0013\0014\0015\0016\0017\0018\0019\001A\001B\001C\001D\001E\001F'
);
comment on function app.plain_punctuation(text) is
  'The text with control characters for its typographic marks, and without what cannot be seen.';

create function app.typographic_punctuation(words text) returns text
language sql immutable parallel safe
return translate(
  words,
  U&'\0001\0002\0003\0004\0005\0006\0007\0008\000B\000C\000E\000F\0010\0011'
    || U&'\0012\0013\0014\0015\0016\0017\0018\0019\001A\001B\001C\001D\001E\001F',
  '“”‘’«»–—…¿¡−→×÷°·±′•≤≥≠≈∞∑∫√'
);
comment on function app.typographic_punctuation(text) is 'Undoes app.plain_punctuation, but for what it left out.';

create function app.search_text(words text) returns text
language sql immutable parallel safe
return translate(
  app.plain_punctuation(words),
  '‐‑'
    || U&'\00A0\2000\2001\2002\2003\2004\2005\2006\2007\2008\2009\200A\202F\205F\3000'
    || '„‚‹›‒―§¶©®™¬←↑↓↔⇐⇒⇔∂∇∏∝∠∥∬∮∴∼≃≅≡≪≫⊥⋅⋯∙∓″‖†‡〈'
    || '〉⟨⟩、。，：；！？（）「」『』《》【】・،؛؟۔।॥״׳',
  '--' || repeat(' ', 88)
);
comment on function app.search_text(text) is 'The text as it is indexed and asked for: its words, apart.';

create table app.content_search (
  like template.tenant,
  content_id uuid not null,
  like template.timestamps including defaults,
  -- The version of the lesson whose words these are: an older one never overwrites a newer one.
  version integer not null constraint content_search_version_positive check (version > 0),
  language text not null,
  document tsvector not null,
  constraint content_search_pkey primary key (organization_id, content_id),
  constraint content_search_content_fkey foreign key (organization_id, content_id) references app.content on delete cascade
);
comment on table app.content_search is 'The words of each published lesson.';
-- The organization leads the index: without it one school's query would walk through every school's words. No list of
-- pending entries: after an import every search would read it whole, everybody's, or the planner none of this index; the
-- job that writes here has time.
create index content_search_document on app.content_search using gin (organization_id, document) with (fastupdate = off);
create index content_search_language on app.content_search (organization_id, language);
call app.protect('app.content_search');
call app.keep_time('app.content_search');
call app.tag('app.content_search', 'none', 'content_id', 'language');
call app.tag('app.content_search', 'derived', 'document');
grant select, insert, update, delete on app.content_search to satchel_request;
grant execute on function app.search_configuration(text), app.plain_punctuation(text), app.typographic_punctuation(text),
  app.search_text(text) to satchel_request, satchel_search;

create policy search_select on app.content_search for select to satchel_search using (true);
grant select (organization_id, content_id, language, document) on app.content_search to satchel_search;

-- The best matches after (after_score, after_id), best first. With no language each lesson is searched in its own, so
-- the query is stemmed once for each language that the organization has (found by skipping through its index).
create function app.search_contents(
  query text, in_language text, after_score real, after_id uuid, at_most integer
) returns table (content_id uuid, score real)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  organization uuid := app.org();
  tongue text;
  terms tsquery;
begin
  for tongue in
    with recursive tongues as (
      (select s.language from app.content_search s
       where s.organization_id = organization and in_language is null order by s.language limit 1)
      union all
      (select (select s.language from app.content_search s
               where s.organization_id = organization and s.language > t.language order by s.language limit 1)
       from tongues t where t.language is not null)
    )
    select t.language from tongues t where t.language is not null
    union all select in_language where in_language is not null
  loop
    terms := websearch_to_tsquery(app.search_configuration(tongue), app.search_text(query));
    continue when numnode(terms) = 0;
    return query
      select found.content_id, found.score
      from (
        select s.content_id, ts_rank_cd('{0.1, 0.2, 0.4, 1.0}', s.document, terms, 1) as score
        from app.content_search s
        where s.organization_id = organization and s.language = tongue and s.document @@ terms
      ) found
      where after_score is null or (found.score, found.content_id) < (after_score, after_id)
      order by found.score desc, found.content_id desc
      limit at_most;
  end loop;
end
$$;
comment on function app.search_contents(text, text, real, uuid, integer) is
  'Finds lessons of the entered organization by their words: ids and scores, nothing else.';
grant execute on function app.search_contents(text, text, real, uuid, integer) to satchel_request;
-- A function's owner must be able to create in its schema at the moment it is given to them, and only then.
grant create on schema app to satchel_search;
alter function app.search_contents(text, text, real, uuid, integer) owner to satchel_search;
revoke create on schema app from satchel_search;
