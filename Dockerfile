# Stage 1 checks and compiles, stage 2 is the one file and a user that may do nothing.
#
#   docker build -t satchel .
#   docker run --init -p 3000:3000 -v satchel:/var/lib/satchel satchel
#
# The whole test suite is not run here: `npm test` needs PostgreSQL 15, Redis and a browser, which no image should hold.

FROM node:24-bookworm-slim AS build
WORKDIR /src
# First what decides the dependencies, so that they are installed again only when it changes.
COPY package.json bun.lock ./
COPY patches patches
COPY .ci .ci
RUN sh .ci/setup
COPY . .
# As root, the embedded PostgreSQL of `sql --check` steps down to nobody by itself.
RUN node_modules/.bin/bun run lint \
 && node_modules/.bin/bun run types \
 && node_modules/.bin/bun run sql --check \
 && node_modules/.bin/bun run build

# Not distroless: PostgreSQL's initdb starts its server through /bin/sh. This has the shell, glibc and libstdc++ that the
# executable and the PostgreSQL inside it need, and nothing has to be installed, so the image changes only with its base.
FROM debian:bookworm-slim
# PostgreSQL does not run as root, nor as a user that /etc/passwd does not know.
RUN groupadd --system --gid 10001 satchel \
 && useradd --system --uid 10001 --gid satchel --home-dir /var/lib/satchel --shell /usr/sbin/nologin satchel \
 && install --directory --owner satchel --group satchel --mode 0700 /var/lib/satchel
COPY --from=build /src/dist/satchel /usr/local/bin/satchel
USER 10001:10001
WORKDIR /var/lib/satchel
# Without DATABASE_URL the database and the generated secret are in the volume: keep it.
ENV SATCHEL_HOST=0.0.0.0 \
    SATCHEL_PORT=3000 \
    SATCHEL_DATA_DIR=/var/lib/satchel
VOLUME /var/lib/satchel
EXPOSE 3000
# bash speaks just enough HTTP; a client for this alone would be the largest thing in the image after Satchel.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/$SATCHEL_PORT && printf 'GET /readyz HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3 && read -r _ status _ <&3 && [ $status = 200 ]"]
ENTRYPOINT ["/usr/local/bin/satchel"]
CMD ["serve"]
