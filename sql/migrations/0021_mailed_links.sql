-- Whether a link was mailed, and using it so shows that the person reads that mailbox; one that the operator hands over
-- shows nothing of it. Of those that are open already it is not known.
alter table app.link add column mailed boolean not null default false;
call app.tag('app.link', 'none', 'mailed');
