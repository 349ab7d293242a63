#!/bin/sh
# A tour of Satchel over HTTP, with nothing but curl. Start a server, then paste this into a shell, or run it:
#
#   SATCHEL_SETUP_CODE=…the code the server printed… sh docs/tour.sh
#
# Each step says what it expects and stops when the answer is another one.
set -eu
URL=${SATCHEL_URL:-http://127.0.0.1:3000}
CODE=${SATCHEL_SETUP_CODE:-}
SCHOOL=${SATCHEL_SCHOOL:-springfield}
PASSWORD='seven quiet herons cross the weir'
JAR=$(mktemp -d)
trap 'rm -rf "$JAR"' EXIT

# call STATUS METHOD PATH [curl arguments]: sends a request and leaves the body in $BODY, the headers in $JAR/headers.
call() {
  expected=$1 method=$2 path=$3
  shift 3
  status=$(curl -sS -o "$JAR/body" -D "$JAR/headers" -w '%{http_code}' -X "$method" "$URL$path" "$@")
  BODY=$(cat "$JAR/body")
  if [ "$status" != "$expected" ]; then
    echo "✗ $method $path: $status instead of $expected" >&2
    echo "$BODY" >&2
    exit 1
  fi
  echo "✓ $status $method $path"
}
# first NAME: the first string of that name in the last body.
first() { printf '%s' "$BODY" | tr '{,' '\n\n' | sed -n "s/^\"$1\":\"\(.*\)\"[]}]*\$/\1/p" | head -n 1; }
etag() { tr -d '\r' <"$JAR/headers" | sed -n 's/^[Ee][Tt][Aa][Gg]: //p'; }
json='content-type: application/json'

echo '— Found a school. Its first admin is signed in at once.'
call 201 POST /v1/organizations -H "$json" -d "{
  \"setupCode\": \"$CODE\", \"name\": \"Springfield Elementary\", \"slug\": \"$SCHOOL\",
  \"admin\": {\"fullName\": \"Edna K.\", \"username\": \"edna\", \"email\": \"edna@$SCHOOL.example\", \"password\": \"$PASSWORD\"}
}"
ADMIN="authorization: Bearer $(first token)"

echo '— Read and change the organization. A change needs the version that was read.'
call 200 GET /v1/organization -H "$ADMIN"
TAG=$(etag)
call 200 PATCH /v1/organization -H "$ADMIN" -H "$json" -H "if-match: $TAG" -d '{"settings": {"studentPasswordMinimum": 8}}'
call 412 PATCH /v1/organization -H "$ADMIN" -H "$json" -H "if-match: $TAG" -d '{"name": "Too late"}'
call 428 PATCH /v1/organization -H "$ADMIN" -H "$json" -d '{"name": "Not read"}'

echo '— Add a teacher with a profile, and a pupil without an e-mail address.'
call 201 POST /v1/users -H "$ADMIN" -H "$json" -d "{
  \"fullName\": \"Walter S.\", \"username\": \"walter\", \"role\": \"teacher\", \"password\": \"$PASSWORD\",
  \"profile\": {\"bio\": \"Teaches Python.\", \"skills\": [\"python\"]}
}"
call 201 POST /v1/users -H "$ADMIN" -H "$json" -d '{"fullName": "Lisa S.", "username": "lisa", "password": "saxophone-solo"}'
PUPIL=$(first id)
call 409 POST /v1/users -H "$ADMIN" -H "$json" -d '{"fullName": "Another Lisa", "username": "LISA"}'
call 200 GET "/v1/users?role=teacher&status=active" -H "$ADMIN"
call 200 GET /v1/users/statistics -H "$ADMIN"

echo '— Sign in as the teacher and as the pupil.'
call 201 POST /v1/sessions -H "$json" -d "{\"organization\": \"$SCHOOL\", \"login\": \"walter\", \"password\": \"$PASSWORD\"}"
TEACHER="authorization: Bearer $(first token)"
call 201 POST /v1/sessions -H "$json" -d "{\"organization\": \"$SCHOOL\", \"login\": \"lisa\", \"password\": \"saxophone-solo\"}"
LISA="authorization: Bearer $(first token)"
call 401 POST /v1/sessions -H "$json" -d "{\"organization\": \"$SCHOOL\", \"login\": \"lisa\", \"password\": \"a wrong guess\"}"
call 200 GET /v1/sessions/current -H "$TEACHER"
call 200 GET /v1/me -H "$LISA"
call 403 GET /v1/users -H "$LISA"

echo '— Write a lesson. With an Idempotency-Key a repeated request takes effect once.'
LESSON='{"title": "While loops", "body": "A while loop repeats its steps as long as a condition holds.", "tags": ["python", "loops"], "language": "en", "sourceId": "tour-1"}'
call 201 POST /v1/contents -H "$TEACHER" -H "$json" -H 'idempotency-key: tour-lesson-1' -d "$LESSON"
CONTENT=$(first id)
call 201 POST /v1/contents -H "$TEACHER" -H "$json" -H 'idempotency-key: tour-lesson-1' -d "$LESSON"
[ "$(first id)" = "$CONTENT" ]
call 404 GET "/v1/contents/$CONTENT" -H "$LISA"

echo '— Have it reviewed: nobody approves what they have written themselves, unless the organization allows it.'
call 403 POST "/v1/contents/$CONTENT/publish" -H "$TEACHER"
call 200 POST "/v1/contents/$CONTENT/submit" -H "$TEACHER" -H "$json" -d '{"note": "Please look at the example."}'
call 409 PATCH "/v1/contents/$CONTENT" -H "$TEACHER" -H "$json" -H 'if-match: *' -d '{"title": "Not while it waits"}'
call 200 GET '/v1/reviews?mine=true' -H "$ADMIN"
call 200 GET "/v1/contents/$CONTENT" -H "$ADMIN"
call 200 POST "/v1/contents/$CONTENT/approve" -H "$ADMIN" -H "$json" -H "if-match: $(etag)" -d '{"reason": "Clear."}'

echo '— Publish it, and find it as the pupil. The words are indexed by a job, within moments.'
call 200 POST "/v1/contents/$CONTENT/publish" -H "$TEACHER"
call 200 GET "/v1/contents/$CONTENT" -H "$LISA"
call 304 GET "/v1/contents/$CONTENT" -H "$LISA" -H "if-none-match: $(etag)"
tries=0
until curl -sS "$URL/v1/search?q=loop+repeating" -H "$LISA" | grep -q "$CONTENT"; do
  tries=$((tries + 1))
  [ "$tries" -lt 100 ] || { echo '✗ the lesson was not found' >&2; exit 1; }
  sleep 0.1
done
call 200 GET '/v1/search?q=loop+repeating' -H "$LISA"
echo "  $(first snippet)"

echo '— Write on: the pupil goes on seeing what was published.'
call 200 PATCH "/v1/contents/$CONTENT" -H "$TEACHER" -H "$json" -H 'if-match: *' -d '{"title": "While loops, again"}'
call 200 GET "/v1/contents/$CONTENT" -H "$LISA"
[ "$(first title)" = 'While loops' ]

echo '— Take it back, delete it, restore it. Every change stays readable.'
call 200 POST "/v1/contents/$CONTENT/unpublish" -H "$TEACHER"
call 404 GET "/v1/contents/$CONTENT" -H "$LISA"
call 200 GET "/v1/contents/$CONTENT" -H "$TEACHER"
call 204 DELETE "/v1/contents/$CONTENT" -H "$TEACHER" -H "if-match: $(etag)"
call 404 GET "/v1/contents/$CONTENT" -H "$TEACHER"
call 200 POST "/v1/contents/$CONTENT/restore" -H "$TEACHER"
call 200 GET "/v1/contents/$CONTENT/history" -H "$TEACHER"

echo '— Change a password: all other sessions end. Give the pupil another role: all of theirs do.'
call 204 PUT /v1/me/password -H "$TEACHER" -H "$json" -d "{\"currentPassword\": \"$PASSWORD\", \"newPassword\": \"eight loud herons cross the bridge\"}"
call 200 PUT "/v1/users/$PUPIL/role" -H "$ADMIN" -H "$json" -H 'if-match: *' -d '{"role": "teacher"}'
call 401 GET /v1/me -H "$LISA"

echo '— Delete and restore a person.'
call 204 DELETE "/v1/users/$PUPIL" -H "$ADMIN" -H 'if-match: *'
call 404 GET "/v1/users/$PUPIL" -H "$ADMIN"
call 200 POST "/v1/users/$PUPIL/restore" -H "$ADMIN"

echo '— End the other sessions, then this one.'
call 200 DELETE '/v1/sessions?others=true' -H "$ADMIN"
call 204 DELETE /v1/sessions/current -H "$ADMIN"
call 401 GET /v1/me -H "$ADMIN"

echo '— Probes and documents.'
call 200 GET /livez
call 200 GET /readyz
call 200 GET /openapi.json
echo 'The tour is over.'
